'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');
const net = require('net');
guard();

if (cluster.isWorker) {
  net.createServer().listen(0, '127.0.0.1', () => process.disconnect());
} else {
  const worker = cluster.fork();
  worker.on('exit', (code, signal) => {
    say(`${code}, ${signal}; exitedAfterDisconnect ${worker.exitedAfterDisconnect}`);
  });
}
