'use strict';
const cluster = require('cluster');
const { fetch, once, pause } = require('./telling');
const { greeter, hears, local, play } = require('./serving');

if (cluster.isWorker) {
  const server = greeter().listen({ port: 0, host: '127.0.0.1', exclusive: true });
  server.on('listening', () => process.send(server.address().port));
} else {
  play(async () => {
    const worker = cluster.fork();
    const port = await hears(worker);
    const gone = once(worker, 'disconnect');
    worker.disconnect();
    await gone;
    await pause(500);
    return `500 ms after disconnect: ${worker.isDead() ? 'gone' : 'alive'}, the port answers: ${await fetch(local(port))}`;
  });
}
