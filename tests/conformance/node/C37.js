'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');

guard();

if (cluster.isWorker) {
  process.on('message', (message) => process.send({ back: message }));
  process.send('ready');
} else {
  const worker = cluster.fork();
  const got = [];
  worker.on('message', (message) => {
    if (message === 'ready') worker.send({ n: 1 });
    else got.push(`worker hears ${JSON.stringify(message)}`);
  });
  cluster.on('message', (which, message) => {
    if (message === 'ready') return;
    got.push(`cluster hears worker ${which.id} and ${JSON.stringify(message)}`);
    worker.disconnect();
  });
  worker.on('exit', () => say(got.sort().join('; '), got));
}
