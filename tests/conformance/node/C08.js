'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');

guard();

if (cluster.isWorker) {
  const sent = process.send({ added: process.env.ADDED, path: process.env.OVER });
  process.send({ sent });
  process.disconnect();
} else {
  process.env.OVER = 'old';
  const got = [];
  const worker = cluster.fork({ ADDED: 'yes', OVER: 'new' });
  worker.on('message', (message) => got.push(message));
  worker.on('exit', () => {
    say(`added: ${got[0].added}; overridden: ${got[0].path}; send in the worker returns ` +
        `${got[1].sent}`, got);
  });
}
