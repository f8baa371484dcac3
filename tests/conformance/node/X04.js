'use strict';
const cluster = require('cluster');
const fs = require('fs');
const net = require('net');
const { pause } = require('./telling');
const { greeter, play, ups } = require('./serving');

if (cluster.isWorker) greeter().listen({ port: 0, host: '127.0.0.1', backlog: 64 });
else {
  play(async () => {
    const all = await ups(2);
    for (const { worker } of all) worker.kill('SIGSTOP');
    const count = () => fs.readdirSync('/proc/self/fd').length;
    const before = count();
    let connected = 0;
    const clients = Array.from({ length: 300 }, () => {
      const socket = net.connect(all[0].port, '127.0.0.1', () => connected++);
      socket.on('error', () => {});
      return socket;
    });
    let held = -1;
    for (let next = 0; next > held || connected < 300; next = count() - before - 300) {
      held = next;
      await pause(300);
    }
    for (const { worker } of all) worker.kill('SIGCONT');
    for (const socket of clients) socket.destroy();
    return [`of 300 clients of stalled workers, with backlog 64, ${connected} connect, and the primary holds ${held > 250 ? 'nearly all' : held}`, { held }];
  });
}
