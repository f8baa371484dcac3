'use strict';
const cluster = require('cluster');
const net = require('net');
const { fetch, guard, once, pause, say } = require('./telling');
guard();

// worker.disconnect() twice.
if (cluster.isWorker) {
  net.createServer().listen(0, '127.0.0.1');
} else {
  cluster.setupPrimary({ silent: true });
  const worker = cluster.fork();
  worker.once('listening', () => { worker.disconnect(); worker.disconnect(); });
  let failed = false;
  worker.on('error', () => { failed = true; });
  worker.once('exit', (code) => {
    setImmediate(() => say(code === 0 && !failed ? 'the worker ends with 0'
      : 'the worker crashes, or the primary gets an error event'));
  });
}
