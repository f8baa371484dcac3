'use strict';
const cluster = require('cluster');
const net = require('net');
const { fetch, guard, once, pause, say } = require('./telling');
guard();

// A worker with an exclusive port is disconnected.
if (cluster.isWorker) {
  const server = net.createServer();
  server.listen({ port: 0, host: '127.0.0.1', exclusive: true }, () => process.send('up'));
} else {
  (async () => {
    const worker = cluster.fork();
    await once(worker, 'message');
    worker.disconnect();
    const end = await Promise.race([once(worker, 'exit'), pause(2000)]);
    say(end ? 'the worker ends' : 'the worker does not end within 2 s', Boolean(end));
    worker.process.kill('SIGKILL');
  })();
}
