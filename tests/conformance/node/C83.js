'use strict';
const cluster = require('cluster');
const { fetch } = require('./telling');
const { greeter, hears, local, play } = require('./serving');

if (cluster.isWorker) {
  const { TCP, constants } = process.binding('tcp_wrap');
  const handle = new TCP(constants.SERVER);
  handle.bind('127.0.0.1', 0);
  const server = greeter().listen(handle);
  server.on('listening', () => process.send(server.address().port));
} else {
  play(async () => {
    let told = 0;
    cluster.on('listening', () => told++);
    const port = await hears(cluster.fork());
    return `answers ${await fetch(local(port))}; ${told} listening events`;
  });
}
