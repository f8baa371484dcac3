'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');
const fs = require('fs');
const path = require('path');
guard();

if (cluster.isWorker) {
  process.send(process.cwd());
  process.disconnect();
} else {
  fs.mkdirSync('sub');
  const places = [];
  const one = cluster.fork();
  cluster.setupPrimary({ cwd: path.resolve('sub') });
  cluster.fork();
  cluster.on('message', (worker, where) => {
    places[worker.id] = path.relative(process.cwd(), where) || 'the primary\'s';
  });
  let gone = 0;
  cluster.on('exit', () => {
    if (++gone < 2) return;
    say(`forked before: in ${places[one.id]}; after: in ${places[2]}`, { places });
  });
}
