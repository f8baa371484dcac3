'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');
const net = require('net');
guard();

cluster.schedulingPolicy = cluster.SCHED_NONE;
if (cluster.isWorker) {
  net.createServer().on('error', (error) => {
    process.send(error.code);
    cluster.worker.disconnect();
  }).listen(process.env.PORT, '127.0.0.1');
} else {
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    const worker = cluster.fork({ PORT: server.address().port });
    let why;
    worker.on('message', (code) => { why = code; });
    worker.on('exit', (code) => {
      server.close();
      say(`${why}, then disconnect: exit ${code}, exitedAfterDisconnect ` +
          `${worker.exitedAfterDisconnect}`);
    });
  });
}
