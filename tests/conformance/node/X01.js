'use strict';
const cluster = require('cluster');
const net = require('net');
const { fetch, guard, once, pause, say } = require('./telling');
guard();

// One of two workers is frozen, clients come, and it is killed.
if (cluster.isWorker) {
  net.createServer((socket) => socket.end('x')).listen(0, '127.0.0.1');
} else {
  (async () => {
    const workers = [cluster.fork(), cluster.fork()];
    const infos = await Promise.all(workers.map((worker) => once(worker, 'listening')));
    workers[0].process.kill('SIGSTOP');
    const answers = Promise.all(
      Array.from({ length: 10 }, () => fetch({ port: infos[0].port, host: '127.0.0.1' })));
    await pause(300);
    workers[0].process.kill('SIGKILL');
    const hung = (await answers).filter((answer) => answer === 'hung').length;
    say(`${hung} of 10 clients hang`, hung);
    process.exit(0);
  })();
}
