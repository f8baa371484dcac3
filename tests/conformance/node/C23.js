'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');
const net = require('net');
guard();

if (cluster.isWorker) {
  net.createServer().listen(0, '127.0.0.1');
} else {
  const worker = cluster.fork();
  worker.on('listening', () => worker.kill('SIGKILL'));
  let last = 0;
  const look = () => { last = Object.keys(cluster.workers).length; };
  worker.on('disconnect', look);
  worker.on('exit', (code, signal) => {
    look();
    say(`${code}, ${signal}; exitedAfterDisconnect ${worker.exitedAfterDisconnect}; workers ` +
        `at the last event: ${last}`);
  });
}
