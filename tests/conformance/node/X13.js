'use strict';
const cluster = require('cluster');
const net = require('net');
const { fetch, guard, once, pause, say } = require('./telling');
guard();

// A grandchild has the worker's channel, and the worker exits.
if (cluster.isWorker) {
  const { spawn } = require('child_process');
  const fs = require('fs');
  // The channel is the one socket whose number is 3.
  const child = spawn('sleep', ['2'], { stdio: ['ignore', 'ignore', 'ignore', 3] });
  process.send({ pid: child.pid });
  setTimeout(() => process.exit(3), 200);
} else {
  const order = [];
  const worker = cluster.fork();
  worker.on('disconnect', () => order.push('disconnect'));
  worker.on('exit', () => order.push('exit'));
  worker.on('message', async ({ pid }) => {
    while (order.length < 2) await pause(20);
    say(order.join(', then '), order);
    try { process.kill(pid, 'SIGKILL'); } catch {}
  });
}
