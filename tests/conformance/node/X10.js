'use strict';
const cluster = require('cluster');
const { pause } = require('./telling');
const { play } = require('./serving');

if (cluster.isWorker) {
  process.send('up');
  setTimeout(() => process.on('message', (message) => process.send(message)), 300);
} else {
  play(async () => {
    const got = [];
    const worker = cluster.fork();
    worker.on('message', (message) => {
      got.push(message);
      if (message === 'up') for (const n of [1, 2, 3]) worker.send(n);
    });
    await pause(1000);
    return `of 3 messages before the listener ${got.length - 1} arrive`;
  });
}
