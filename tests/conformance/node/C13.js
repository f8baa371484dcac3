'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');

guard();

if (cluster.isWorker) {
  cluster.worker.on('message', (message) => process.send(`got ${message}`));
} else {
  const worker = cluster.fork();
  let heard;
  let same;
  worker.on('online', () => worker.send('hello'));
  worker.on('message', (message) => { heard = message; same = worker.disconnect() === worker; });
  worker.on('exit', () => {
    say(`cluster.worker ${heard}; disconnect returns ${same ? 'the worker' : 'something else'}`,
        { heard, same });
  });
}
