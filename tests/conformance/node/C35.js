'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');
const { fork } = require('child_process');
guard();

if (process.env.PRIMARY === 'yes' && cluster.isPrimary) {
  process.on('uncaughtException', () => process.exit(42));
  cluster.fork().on('online', () => { throw new Error('wanted'); });
} else if (cluster.isPrimary) {
  fork(__filename, { env: { ...process.env, PRIMARY: 'yes' } }).on('exit', (code) => {
    say(`the primary's own handler of uncaught exceptions decides: exit ${code}`, { code });
  });
}
