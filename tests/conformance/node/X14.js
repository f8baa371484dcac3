'use strict';
const cluster = require('cluster');
const net = require('net');
const { fetch, guard, once, pause, say } = require('./telling');
guard();

// A worker whose directory is not there.
if (cluster.isPrimary) {
  const order = [];
  cluster.setupPrimary({ cwd: '/nowhere' });
  const worker = cluster.fork();
  for (const name of ['error', 'disconnect', 'exit']) worker.on(name, () => order.push(name));
  setTimeout(() => say(order.join(', '), order), 500);
}
