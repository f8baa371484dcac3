'use strict';
const cluster = require('cluster');
const net = require('net');
const { fetch, guard, once, pause, say } = require('./telling');
guard();

// A worker blocks for 1.5 s in its handler, and ten clients follow.
if (cluster.isWorker) {
  const fs = require('fs');
  net.createServer((socket) => {
    socket.once('data', (data) => {
      if (String(data) === 'block') {
        const end = Date.now() + 1500;
        while (Date.now() < end);
      }
      socket.end('x');
    });
  }).listen(0, '127.0.0.1');
} else {
  (async () => {
    const workers = [cluster.fork(), cluster.fork()];
    const [{ port }] = await Promise.all(workers.map((w) => once(w, 'listening')));
    net.connect(port, '127.0.0.1').on('error', () => {}).write('block');
    await pause(200);
    const times = await Promise.all(Array.from({ length: 10 }, () => new Promise((resolve) => {
      const begun = Date.now();
      const client = net.connect(port, '127.0.0.1', () => client.write('x'));
      client.on('data', () => {});
      client.on('error', () => {});
      client.on('close', () => resolve(Date.now() - begun));
    })));
    const trapped = times.filter((time) => time > 1000).length;
    say(`${trapped} of 10 that follow ${trapped === 1 ? 'waits' : 'wait'} for the block's end`,
        trapped);
    for (const worker of workers) worker.process.kill('SIGKILL');
  })();
}
