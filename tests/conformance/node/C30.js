'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');

guard();

if (cluster.isWorker) {
  process.on('disconnect', () => setTimeout(() => process.exit(42), 50));
  process.send('ready');
} else {
  const got = [];
  for (const how of ['planned', 'raw']) {
    const worker = cluster.fork();
    worker.on('message', () => {
      if (how === 'planned') worker.disconnect();
      else worker.process.disconnect();
    });
    worker.on('exit', (code) => {
      got.push(`${how}: ${code}`);
      if (got.length === 2) say(`exit code after disconnect, ${got.sort().join('; ')}`, got);
    });
  }
}
