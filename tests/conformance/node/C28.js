'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');

guard();

if (cluster.isWorker) {
  process.send(cluster.worker.isDead());
  process.disconnect();
} else {
  const worker = cluster.fork();
  const first = worker.isDead();
  let inside;
  worker.on('message', (dead) => { inside = dead; });
  worker.on('exit', () => {
    say(`after fork: ${first}; in the worker: ${inside}; at exit: ${worker.isDead()}`);
  });
}
