'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');

guard();

if (cluster.isWorker) {
  const counts = { process: 0, worker: 0 };
  process.on('message', () => { counts.process++; });
  cluster.worker.on('message', () => { counts.worker++; setImmediate(() => process.send(counts)); });
  cluster.worker.on('error', (error) => process.send(error.message));
  process.send('ready');
} else {
  const worker = cluster.fork();
  worker.on('message', (message) => {
    if (message === 'ready') worker.send('one');
    else {
      worker.disconnect();
      say(`seen ${message.process} time on process, ${message.worker} on cluster.worker`, message);
    }
  });
}
