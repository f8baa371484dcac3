'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');

guard();

if (cluster.isPrimary) {
  const { fork } = cluster;
  const workers = [cluster.fork(), fork()];
  let online = 0;
  let gone = 0;
  let left;
  for (const worker of workers) {
    worker.on('online', () => {
      if (++online === 2) cluster.disconnect(() => { left = Object.keys(cluster.workers).length; });
    });
    worker.on('exit', () => {
      if (++gone < 2) return;
      say(`${workers.length} idle workers go; the callback sees ${left} workers; fork works unbound`,
          { left });
    });
  }
}
