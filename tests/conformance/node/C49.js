'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');

guard();

if (cluster.isWorker) {
  cluster.worker.disconnect();
  cluster.worker.on('disconnect', () => {
    process.exitCode = cluster.worker.exitedAfterDisconnect ? 3 : 4;
  });
} else {
  const worker = cluster.fork();
  let known;
  worker.on('disconnect', () => { known = worker.exitedAfterDisconnect; });
  worker.on('exit', (code) => {
    say(`the primary knows at disconnect: ${known}; so does the worker: ${code === 3}`);
  });
}
