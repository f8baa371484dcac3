'use strict';
const cluster = require('cluster');
const net = require('net');
const { fetch, guard, once, pause, say } = require('./telling');
guard();

// cluster.disconnect(callback) while one of three workers has a connection.
if (cluster.isWorker) {
  net.createServer((socket) => {
    socket.write('x');
    socket.on('end', () => socket.end());
  }).listen(0, '127.0.0.1');
} else {
  (async () => {
    const workers = [cluster.fork(), cluster.fork(), cluster.fork()];
    const infos = await Promise.all(workers.map((worker) => once(worker, 'listening')));
    const client = net.connect(infos[0].port, '127.0.0.1');
    await once(client, 'data');
    const ended = new Set();
    cluster.on('exit', (worker) => ended.add(worker.id));
    cluster.disconnect(() => {
      say(`called back when ${ended.size} of 3 had ended`, ended.size);
      client.end();
    });
  })();
}
