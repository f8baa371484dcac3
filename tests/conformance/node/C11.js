'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');

guard();

if (cluster.isWorker) {
  process.once('message', (message) => {
    process.send(message);
    process.disconnect();
  });
} else {
  cluster.settings.serialization = 'advanced';
  const worker = cluster.fork();
  const message = { name: 'loop', many: new Set([1, 2]) };
  message.self = message;
  let back;
  worker.on('online', () => worker.send(message));
  worker.on('message', (value) => { back = value; });
  worker.on('exit', () => {
    say(`assigned directly, the codec is used: ${back.self === back ? 'a cycle' : 'no cycle'} ` +
        `and a ${back.many.constructor.name} come back`);
  });
}
