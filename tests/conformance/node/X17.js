'use strict';
const cluster = require('cluster');
const net = require('net');
const { fetch, guard, once, pause, say } = require('./telling');
guard();

// A message to a worker that is gone.
if (cluster.isWorker) {
  process.exit(0);
} else {
  const worker = cluster.fork();
  worker.once('exit', () => {
    worker.once('error', (error) => say(`error event ${error.code}`, error.code));
    worker.send('late');
  });
}
