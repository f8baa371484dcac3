'use strict';
const cluster = require('cluster');
const { fetch, guard, isAlive, pause, say } = require('./telling');
const net = require('net');
guard();

if (cluster.isWorker) {
  for (const name of ['a', 'b']) {
    net.createServer((socket) => socket.end(name)).listen(0, '127.0.0.1');
  }
} else {
  const cycle = async () => {
    const ports = new Set();
    let listening = 0;
    const up = new Promise((resolve) => {
      const count = (worker, { port }) => {
        ports.add(port);
        if (++listening < 16) return;
        cluster.off('listening', count);
        resolve();
      };
      cluster.on('listening', count);
    });
    for (let i = 0; i < 8; i++) cluster.fork();
    await up;
    const answers = [];
    for (const port of ports) answers.push(await fetch({ port, host: '127.0.0.1' }));
    const pids = Object.values(cluster.workers).map((worker) => worker.process.pid);
    await new Promise((resolve) => cluster.disconnect(resolve));
    const alive = pids.filter(isAlive).length;
    while (pids.some(isAlive)) await pause(10);
    return [`${ports.size} ports answer ${answers.sort().join(', ')}`, alive > 0];
  };
  cycle().then(async ([first, early]) => {
    const [second, again] = await cycle();
    say(`${first}; again: ${second}; callback while workers live: ${early || again}`);
  });
}
