'use strict';
const cluster = require('cluster');
const { fork } = require('child_process');
const { guard, once, say } = require('./telling');
guard();

// The policy is changed after the first fork; and one that is none is there before it.
if (cluster.isWorker) {
  process.send('up');
} else if (process.argv[2] === 'bad') {
  cluster.schedulingPolicy = 7;
  let end = 'nothing is said';
  try {
    cluster.fork().process.kill('SIGKILL');
  } catch (error) {
    end = error.code || error.name;
  }
  process.send(end, () => process.disconnect());
} else {
  const worker = cluster.fork();
  worker.once('message', async () => {
    let changed = 'nothing is said';
    try { cluster.schedulingPolicy = cluster.SCHED_NONE; } catch ({ code }) { changed = code; }
    const primary = fork(__filename, ['bad']);
    const said = await once(primary, 'message');
    const bad = Array.isArray(said) ? said[0] : said;
    say(`changed: ${changed}; 7 at the first fork: ${bad}`, { changed, bad });
    worker.process.kill('SIGKILL');
  });
}
