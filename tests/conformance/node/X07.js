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
  worker.once('exit', (code, signal) => {
    say(code === 0 ? 'the worker ends with 0' : `the worker crashes (${code ?? signal})`, code);
  });
}
