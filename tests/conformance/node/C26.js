'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');

guard();

if (cluster.isWorker) {
  const worker = cluster.worker;
  if (process.env.HOW === 'connected') worker.destroy();
  else {
    const same = worker.disconnect() === worker;
    worker.on('disconnect', () => { process.exitCode = same ? 0 : 5; worker.destroy(); });
  }
} else {
  const got = [];
  for (const HOW of ['connected', 'disconnected']) {
    cluster.fork({ HOW }).on('exit', (code, signal) => {
      got.push(`${HOW}: ${code}, ${signal}`);
      if (got.length === 2) say(`destroy while ${got.sort().join('; ')}`, got);
    });
  }
}
