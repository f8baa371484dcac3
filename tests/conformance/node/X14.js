'use strict';
const cluster = require('cluster');
const { pause } = require('./telling');
const { play } = require('./serving');

cluster.setupPrimary({ cwd: '/nowhere/at/all' });
play(async () => {
  const order = [];
  const worker = cluster.fork();
  for (const name of ['error', 'disconnect', 'exit']) worker.on(name, () => order.push(name));
  await pause(500);
  const left = Object.keys(cluster.workers).length;
  return `a fork that fails: ${order.join(', ')}; ${left} in workers; isDead ${worker.isDead()}`;
});
