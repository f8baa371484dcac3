'use strict';
const cluster = require('cluster');
const { greeter, hears, play } = require('./serving');

if (cluster.isWorker) {
  const server = greeter().listen({ port: 0, host: '127.0.0.1', exclusive: true });
  server.on('listening', () => process.send(server.address().port));
} else {
  play(async () => {
    let told = 0;
    cluster.on('listening', () => told++);
    const ports = await Promise.all([hears(cluster.fork()), hears(cluster.fork())]);
    return `${new Set(ports).size} ports for 2 workers; ${told} listening events`;
  });
}
