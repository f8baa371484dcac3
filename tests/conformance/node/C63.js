'use strict';
const cluster = require('cluster');
const { fork } = require('child_process');
const { fetch, once } = require('./telling');
const { greeter, hears, local, outcome, play, up } = require('./serving');

const port = Number(process.env.PORT || 0);
if (cluster.isWorker) {
  outcome(greeter().listen(port, '127.0.0.1')).then((got) => process.send(got));
} else if (process.env.SECOND) {
  const worker = cluster.fork();
  worker.on('message', (got) => {
    process.send(got);
    cluster.disconnect(() => process.disconnect());
  });
} else {
  play(async () => {
    const { port: taken } = await up();
    const second = fork(__filename, { env: { ...process.env, SECOND: '1', PORT: taken } });
    const over = once(second, 'exit');
    const got = await hears(second);
    await over;
    return `a worker of the second gets ${got}; the first answers ${await fetch(local(taken))}`;
  });
}
