'use strict';
const cluster = require('cluster');
const net = require('net');
const { fetch, guard, once, pause, say } = require('./telling');
guard();

// Messages that look like the cluster's own.
if (cluster.isWorker) {
  process.on('message', (message) => process.send(message));
  process.send('up');
} else {
  const worker = cluster.fork();
  const heard = [];
  worker.on('message', (message) => {
    if (message !== 'up') {
      heard.push(message.cmd);
      return;
    }
    worker.send({ cmd: 'NODE_MINE' });
    worker.send({ cmd: 'NODE_' });
    setTimeout(() => {
      say(heard.includes('NODE_MINE') ? 'they arrive' : 'they vanish', heard);
      worker.process.kill('SIGKILL');
    }, 500);
  });
}
