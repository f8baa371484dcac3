'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');

guard();

if (cluster.isWorker) {
  require('net').createServer().listen(0, '127.0.0.1');
} else {
  const seen = [];
  const worker = cluster.fork();
  const sizes = {};
  for (const name of ['fork', 'online', 'listening', 'disconnect', 'exit']) {
    cluster.on(name, (which) => {
      seen.push([name, which === worker, worker.state]);
    });
    worker.on(name, (...args) => { sizes[name] = args.length; });
  }
  let keys;
  worker.on('listening', (info) => { keys = Object.keys(info).sort(); worker.kill(); });
  cluster.on('exit', () => {
    const order = seen.map(([name, , state]) => `${name} (${state})`).join(', ');
    const first = seen.every(([, same]) => same);
    const role = 'NODE_UNIQUE_ID' in process.env ? 'in' : 'not in';
    say(`${order}; worker ${first ? 'is' : 'is not'} the first argument; info has ` +
        `${keys.join(', ')}; id ${worker.id}; role ${role} the primary's environment`,
        { seen, sizes, keys });
  });
}
