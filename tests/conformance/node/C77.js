'use strict';
const cluster = require('cluster');
const { fork } = require('child_process');
const { fetch } = require('./telling');
const { freePort, greeter, hears, local, outcome, play } = require('./serving');

if (cluster.isWorker) {
  const port = Number(process.env.PORT);
  (async () => {
    const first = await outcome(greeter().listen(port, '127.0.0.1'));
    process.send([first, await outcome(greeter().listen(port, '127.0.0.1'))]);
  })();
} else if (process.env.POLICY) {
  if (process.env.POLICY === 'none') cluster.schedulingPolicy = cluster.SCHED_NONE;
  (async () => {
    const PORT = await freePort();
    const worker = cluster.fork({ PORT });
    const got = await hears(worker);
    process.send(`${got.join(', then ')}; answers ${await fetch(local(PORT))}`);
    worker.on('exit', () => process.disconnect());
    worker.kill('SIGKILL');
  })();
} else {
  play(async () => {
    const got = [];
    for (const POLICY of ['rr', 'none']) {
      got.push(`${POLICY}: ${await hears(fork(__filename, { env: { ...process.env, POLICY } }))}`);
    }
    return got.join('; ');
  });
}
