'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');
const channel = require('diagnostics_channel');
guard();

if (cluster.isWorker) {
  process.exit(0);
} else {
  const seen = [];
  channel.subscribe('child_process', ({ process: child }) => seen.push(child));
  const worker = cluster.fork();
  worker.on('exit', () => {
    say(`${seen.length} announcement on the channel child_process, ` +
        `${seen[0] === worker.process ? 'of the worker' : 'of another'}`);
  });
}
