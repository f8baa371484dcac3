'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');
const fs = require('fs');
const path = require('path');
guard();

fs.writeFileSync('before.js', `
const cluster = require('cluster');
if (cluster.isWorker) process.exit(42 + cluster.worker.id);
`);
cluster.setupPrimary({ execArgv: ['-r', path.resolve('before.js')] });
cluster.fork().on('exit', (code) => {
  say(`a module preloaded by execArgv knows its worker: exit ${code}`, { code });
});
