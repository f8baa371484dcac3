'use strict';
const cluster = require('cluster');
const net = require('net');
const { fetch, once } = require('./telling');
const { hears, local, play } = require('./serving');

if (cluster.isWorker) {
  process.on('message', (_, server) => {
    server.on('connection', (socket) => socket.end('worker'));
    process.send('ready');
  });
  process.send('up');
} else {
  play(async () => {
    const server = net.createServer().listen(local(0));
    await once(server, 'listening');
    const { port } = server.address();
    const worker = cluster.fork();
    await hears(worker);
    worker.send('take', server);
    await hears(worker);
    await new Promise((resolve) => server.close(resolve));
    return `a server sent to a worker, and closed in the primary: answers ${await fetch(local(port))}`;
  });
}
