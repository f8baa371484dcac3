'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');
const net = require('net');
guard();

if (cluster.isWorker) {
  net.createServer().listen(0, '127.0.0.1');
  cluster.worker.on('disconnect', () => { process.exitCode = 42; });
} else {
  const worker = cluster.fork();
  let same;
  let state;
  let ead;
  worker.on('listening', () => { same = worker.disconnect() === worker; });
  worker.on('disconnect', () => {
    state = worker.state;
    ead = worker.exitedAfterDisconnect;
  });
  worker.on('exit', (code) => {
    say(`returns ${same ? 'the worker' : 'another'}; at disconnect state ${state}, ` +
        `exitedAfterDisconnect ${ead}; the worker's own exit code: ${code}`);
  });
}
