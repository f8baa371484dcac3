'use strict';
const cluster = require('cluster');
const { fetch, pause } = require('./telling');
const { greeter, local, play, up } = require('./serving');

if (cluster.isWorker) greeter().listen(0, '127.0.0.1');
else {
  play(async () => {
    const { worker, port } = await up();
    worker.kill('SIGSTOP');
    const asked = Array.from({ length: 5 }, () => fetch(local(port), 2000));
    await pause(100);
    await up();
    const got = await Promise.all(asked);
    worker.kill('SIGCONT');
    return `of 5 clients of a stopped worker a new one serves ${got.filter((one) => one === '2').length}`;
  });
}
