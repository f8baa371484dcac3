'use strict';
const cluster = require('cluster');
const { guard, once, say } = require('./telling');
const net = require('net');
guard();

cluster.schedulingPolicy = cluster.SCHED_NONE;
if (cluster.isWorker) {
  net.createServer().listen(0, '127.0.0.1');
} else {
  const codes = [];
  let up = 0;
  const workers = [cluster.fork(), cluster.fork()];
  cluster.on('listening', () => {
    if (++up === 2) for (const worker of workers) worker.disconnect();
  });
  cluster.on('exit', (worker, code) => {
    codes.push(code);
    if (codes.length === 2) say(`two disconnects at once: exit ${codes.join(', ')}`, codes);
  });
}
