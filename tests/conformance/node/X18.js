'use strict';
const cluster = require('cluster');
const { pause } = require('./telling');
const { play, hears } = require('./serving');

if (cluster.isWorker) {
  process.on('message', (message) => process.send(message));
  process.send('up');
} else {
  play(async () => {
    const worker = cluster.fork();
    await hears(worker);
    const got = [];
    worker.on('message', (message) => got.push(message.cmd));
    for (const cmd of ['NODE_CLUSTER', 'NODE_OTHER', 'NODE_', 'plain']) worker.send({ cmd });
    while (!got.includes('plain')) await pause(5);
    return `of 4 messages whose cmd looks internal or not, these come: ${got.join(', ')}`;
  });
}
