'use strict';
const cluster = require('cluster');
const { fork } = require('child_process');
const { guard, once, say } = require('./telling');
guard();

// A message to a worker that is gone, with and without a listener for errors. The primary
// without one is a child of this process, which has the channel for nothing else.
if (cluster.isWorker) {
  process.exit(0);
} else if (process.argv[2] === 'unheard') {
  const worker = cluster.fork();
  worker.once('exit', () => worker.send('late'));
} else {
  cluster.setupPrimary({ args: [] });
  const worker = cluster.fork();
  worker.once('exit', () => {
    worker.once('error', async ({ code }) => {
      const primary = fork(__filename, ['unheard'], { silent: true });
      const [status] = await once(primary, 'exit');
      say(`error event ${code}; a primary that does not listen for it exits ${status}`,
          { code, status });
    });
    worker.send('late');
  });
}
