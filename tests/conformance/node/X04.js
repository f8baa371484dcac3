'use strict';
const cluster = require('cluster');
const net = require('net');
const { fetch, guard, once, pause, say } = require('./telling');
guard();

// Both workers are frozen, and 300 clients come to a backlog of 64.
if (cluster.isWorker) {
  net.createServer((socket) => socket.end('x')).listen(0, '127.0.0.1', 64);
} else {
  (async () => {
    const fds = () => require('fs').readdirSync('/proc/self/fd').length;
    const workers = [cluster.fork(), cluster.fork()];
    const [{ port }] = await Promise.all(workers.map((w) => once(w, 'listening')));
    for (const worker of workers) worker.process.kill('SIGSTOP');
    const before = fds();
    const client = require('child_process').spawn(process.execPath, ['-e', `
      const net = require('net');
      for (let i = 0; i < 300; i++) net.connect(${port}, '127.0.0.1').on('error', () => {});
      setTimeout(() => process.exit(0), 3000);`], { stdio: 'ignore' });
    await pause(1500);
    const held = fds() - before;
    client.kill('SIGKILL');
    for (const worker of workers) worker.process.kill('SIGKILL');
    say(held > 200 ? 'the primary accepts them all' : `the primary holds ${held}`, held > 200);
    process.exit(0);
  })();
}
