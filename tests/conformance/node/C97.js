'use strict';
const cluster = require('cluster');
const { fetch } = require('./telling');
const { greeter, hears, local, play, up } = require('./serving');

if (cluster.isWorker) {
  const server = greeter().listen(0, '127.0.0.1');
  let closed = 0;
  process.on('message', () => {
    server.ref();
    server.unref();
    server.close(() => {
      closed++;
      setImmediate(() => process.send(closed));
    });
  });
} else {
  play(async () => {
    const { worker, port } = await up();
    worker.send('close');
    const times = await hears(worker);
    return `close calls back ${times === 1 ? 'once' : `${times} times`}; then ${await fetch(local(port))}`;
  });
}
