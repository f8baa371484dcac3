'use strict';
const cluster = require('cluster');
const net = require('net');
const { fetch, guard, once, pause, say } = require('./telling');
guard();

// The last worker finds the order to close and a connection together.
if (cluster.isWorker) {
  const server = net.createServer((socket) => socket.end('x')).listen(0, '127.0.0.1');
  process.on('message', () => server.close());
} else {
  (async () => {
    const worker = cluster.fork();
    const { port } = await once(worker, 'listening');
    worker.process.kill('SIGSTOP');
    worker.send('close');
    const answer = fetch({ port, host: '127.0.0.1' });
    await pause(200);
    worker.process.kill('SIGCONT');
    const heard = (await answer) || 'is closed';
    say(heard === 'hung' ? 'the client hangs' : `the client: ${heard}`, heard);
    process.exit(0);
  })();
}
