'use strict';
const cluster = require('cluster');
const net = require('net');
const { fetch, guard, once, pause, say } = require('./telling');
guard();

// The only worker is frozen, clients queue, and it is killed.
if (cluster.isWorker) {
  net.createServer((socket) => socket.end('x')).listen(0, '127.0.0.1');
} else {
  (async () => {
    const worker = cluster.fork();
    const { port } = await once(worker, 'listening');
    worker.process.kill('SIGSTOP');
    const answers = Promise.all(
      Array.from({ length: 5 }, () => fetch({ port, host: '127.0.0.1' })));
    await pause(200);
    worker.process.kill('SIGKILL');
    await once(worker, 'exit');
    const late = await fetch({ port, host: '127.0.0.1' });
    const queued = await answers;
    const hung = queued.filter((answer) => answer === 'hung').length;
    say(`of 5 that queue ${5 - hung} are closed and ${hung} hang; later: ${late}`, hung);
    process.exit(0);
  })();
}
