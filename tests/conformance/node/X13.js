'use strict';
const cluster = require('cluster');
const { spawn } = require('child_process');
const { pause } = require('./telling');
const { hears, play } = require('./serving');

if (cluster.isWorker) {
  const stdio = ['ignore', 'ignore', 'ignore', process.channel.fd];
  const child = spawn('sleep', ['5'], { stdio, detached: true });
  process.send(child.pid, () => process.exit(0));
} else {
  play(async () => {
    const order = [];
    const worker = cluster.fork();
    worker.on('exit', () => order.push('exit'));
    worker.on('disconnect', () => order.push('disconnect'));
    const pid = await hears(worker);
    while (!order.includes('exit')) await pause(5);
    await pause(200);
    const early = order.includes('disconnect');
    process.kill(pid);
    while (order.length < 2) await pause(5);
    return `a grandchild has the channel: ${order.join(', then ')}${early ? '' : ' when the grandchild ends'}`;
  });
}
