'use strict';
const cluster = require('cluster');
const net = require('net');
const { fetch, guard, once, pause, say } = require('./telling');
guard();

// A message that is there before the worker listens for messages.
if (cluster.isWorker) {
  setTimeout(() => {
    process.on('message', (message) => process.send({ heard: message }));
    process.send('listens');
  }, 500);
} else {
  const worker = cluster.fork();
  const heard = [];
  worker.once('online', () => worker.send('early'));
  worker.on('message', (message) => {
    if (message.heard) heard.push(message.heard);
    if (message === 'listens') {
      worker.send('late');
      setTimeout(() => {
        say(heard.includes('early') ? 'heard' : 'lost', heard);
        worker.process.kill('SIGKILL');
      }, 500);
    }
  });
}
