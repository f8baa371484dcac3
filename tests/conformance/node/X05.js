'use strict';
const cluster = require('cluster');
const net = require('net');
const { fetch, guard, once, pause, say } = require('./telling');
guard();

// A primary is killed while a request is served: this process plays the grandparent.
const { fork } = require('child_process');
const { readFileSync } = require('fs');

// A zombie, whom nobody has waited for yet, is none.
const isAlive = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1][0] !== 'Z';
  } catch {
    return false;
  }
};
if (cluster.isWorker) {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.write('1');
    setTimeout(() => socket.end('done'), 700);
  });
  server.listen(0, '127.0.0.1');
} else if (process.argv[2] === 'primary') {
  const worker = cluster.fork();
  worker.on('listening', ({ port }) => process.send({ port, pid: worker.process.pid }));
} else {
  (async () => {
    const primary = fork(__filename, ['primary'], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    const { port, pid } = await once(primary, 'message').then((m) => m[0] || m);
    const answer = fetch({ port, host: '127.0.0.1' });
    await pause(200);
    primary.kill('SIGKILL');
    const heard = await answer;
    await pause(200);
    say(`the request is ${/done/.test(heard) ? 'served' : 'cut'}; the worker ` +
        (isAlive(pid) ? 'lives on' : 'ends at once'), heard);
    process.exit(0);
  })();
}
