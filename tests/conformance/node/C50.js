'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');
const net = require('net');
guard();

cluster.schedulingPolicy = cluster.SCHED_NONE;
if (cluster.isWorker) {
  net.createServer().listen(0, '127.0.0.1');
} else {
  const worker = cluster.fork();
  const seen = [];
  worker.on('listening', () => seen.push('listening'));
  worker.on('exit', (code, signal) => {
    say(`disconnected right after fork: exit ${code}, ${signal}; ` +
        `${seen.length ? 'listened' : 'never listened'}`);
  });
  worker.disconnect();
}
