'use strict';
const cluster = require('cluster');
const { fetch } = require('./telling');
const { greeter, hears, local, play, up } = require('./serving');

if (cluster.isWorker) {
  const server = greeter().listen(0, '127.0.0.1');
  process.on('message', () => {
    process.send('closing', () => {
      // What is handed over now is on its way when the server closes.
      const end = Date.now() + 300;
      while (Date.now() < end);
      server.close();
    });
  });
} else {
  play(async () => {
    const { worker, port } = await up();
    worker.send('close');
    await hears(worker);
    const got = await fetch(local(port), 1500);
    return `a client on its way to the last worker, which closes: ${got || 'closed'}`;
  });
}
