'use strict';
const cluster = require('cluster');
const net = require('net');
const { fetch, guard, once, pause, say } = require('./telling');
guard();

// Two workers open A and B on port 0, in different orders.
if (cluster.isWorker) {
  const names = cluster.worker.id === 1 ? ['A', 'B'] : ['B', 'A'];
  const ports = {};
  for (const name of names) {
    const server = net.createServer((socket) => socket.end(name)).listen(0, '127.0.0.1');
    server.on('listening', () => {
      ports[name] = server.address().port;
      if (Object.keys(ports).length === 2) process.send(ports);
    });
  }
} else {
  (async () => {
    const workers = [cluster.fork(), cluster.fork()];
    const [one, two] = (await Promise.all(workers.map((w) => once(w, 'message'))))
      .map((message) => message[0] || message);
    say(one.A === two.A ? 'A is one port' : 'A of one is B of the other', one.A === two.A);
    for (const worker of workers) worker.process.kill('SIGKILL');
  })();
}
