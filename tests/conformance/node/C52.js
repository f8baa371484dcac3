'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');

guard();

cluster.schedulingPolicy = cluster.SCHED_NONE;
if (cluster.isWorker) {
  if (process.env.SERVES) require('net').createServer().listen(0, '127.0.0.1');
} else {
  const order = [];
  const serving = cluster.fork({ SERVES: 'yes' });
  serving.on('listening', () => {
    const idle = cluster.fork();
    idle.on('online', () => idle.disconnect());
    idle.on('exit', (code) => { order.push(`the idle one exits ${code}`); serving.disconnect(); });
  });
  serving.on('exit', (code) => {
    order.push(`then the one with a port: ${code}`);
    say(order.join(', '), order);
  });
}
