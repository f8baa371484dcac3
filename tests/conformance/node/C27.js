'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');

guard();

if (cluster.isWorker) {
  cluster.worker.disconnect();
} else {
  const worker = cluster.fork();
  let raised = 'nothing';
  worker.on('disconnect', () => {
    try {
      worker.destroy();
    } catch (error) {
      raised = error.message;
    }
  });
  worker.on('exit', () => {
    worker.destroy();
    say(`destroy after disconnect and after exit raises ${raised}`);
  });
}
