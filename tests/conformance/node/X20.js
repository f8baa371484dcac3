'use strict';
const cluster = require('cluster');
const net = require('net');
const { fetch, guard, once, pause, say } = require('./telling');
guard();

// The policy is changed after the first fork.
if (cluster.isWorker) {
  process.send('up');
} else {
  const worker = cluster.fork();
  worker.once('message', () => {
    let says = 'nothing is said';
    try { cluster.schedulingPolicy = 7; } catch (error) { says = error.message; }
    say(says, says);
    worker.process.kill('SIGKILL');
  });
}
