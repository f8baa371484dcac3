'use strict';
const cluster = require('cluster');
const { once, pause } = require('./telling');
const { hears, play } = require('./serving');

if (cluster.isWorker) process.send('up');
else {
  play(async () => {
    const worker = cluster.fork();
    await hears(worker);
    const gone = once(worker, 'disconnect');
    worker.kill('SIGKILL');
    await gone;
    let event = 'nothing';
    worker.on('error', (error) => { event = `an error event, ${error.code}`; });
    const returned = worker.send('hello');
    await pause(100);
    return `send on a closed channel returns ${returned}; then ${event}`;
  });
}
