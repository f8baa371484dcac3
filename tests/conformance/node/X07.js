'use strict';
const cluster = require('cluster');
const { once } = require('./telling');
const { exits, greeter, play, up } = require('./serving');

if (cluster.isWorker) {
  process.on('uncaughtException', (error) => {
    console.error(error.code);
    process.exit(1);
  });
  if (process.env.LISTENS) greeter().listen(0, '127.0.0.1');
} else {
  cluster.setupPrimary({ silent: true });
  play(async () => {
    const twice = async (worker) => {
      let problem = '';
      worker.process.stderr.on('data', (data) => { problem += data; });
      const over = exits(worker);
      worker.disconnect();
      worker.disconnect();
      return `${await over} ${problem.trim()}`.trim();
    };
    const idle = cluster.fork();
    await once(idle, 'online');
    const one = await twice(idle);
    const two = await twice((await up({ LISTENS: '1' })).worker);
    return `disconnect() twice: an idle worker exits with ${one}, one that listens with ${two}`;
  });
}
