'use strict';
const cluster = require('cluster');
const { fetch } = require('./telling');
const { client, greeter, local, play, up } = require('./serving');
const net = require('net');

if (cluster.isWorker) {
  const server = net.createServer((socket) => socket.write('served'));
  server.maxConnections = 1;
  server.dropMaxConnection = true;
  server.listen(0, '127.0.0.1');
} else {
  play(async () => {
    const { port } = await up();
    const first = await client(port);
    const second = await fetch(local(port), 700);
    first.destroy();
    return `the second client of a full worker: ${second || 'closed at once'} (the option is newer than this Node)`;
  });
}
