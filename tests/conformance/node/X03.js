'use strict';
const cluster = require('cluster');
const net = require('net');
const { fetch, guard, once, pause, say } = require('./telling');
guard();

// Both workers are at maxConnections 1, and a third client waits for half a second.
if (cluster.isWorker) {
  const server = net.createServer((socket) => socket.on('error', () => {}));
  server.maxConnections = 1;
  server.listen(0, '127.0.0.1');
} else {
  (async () => {
    const workers = [cluster.fork(), cluster.fork()];
    const [{ port }] = await Promise.all(workers.map((w) => once(w, 'listening')));
    for (let i = 0; i < 3; i++) net.connect(port, '127.0.0.1').on('error', () => {});
    await pause(200);
    const before = process.cpuUsage();
    await pause(500);
    const { user, system } = process.cpuUsage(before);
    const busy = (user + system) / 500000;
    say(busy > 0.2 ? 'the primary spins while the client waits'
      : 'the primary rests while the client waits', busy > 0.2);
    process.exit(0);
  })();
}
