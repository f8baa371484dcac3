'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');

guard();

if (cluster.isWorker) {
  process.exit(42);
} else {
  const worker = cluster.fork();
  const got = [];
  worker.on('exit', (code, signal) => got.push(`worker: ${code}, ${signal}`));
  cluster.on('exit', (which, code, signal) => {
    got.push(`cluster: ${code}, ${signal}`);
    say(got.join('; '), got);
  });
}
