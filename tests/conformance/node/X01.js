'use strict';
const cluster = require('cluster');
const { fetch, pause } = require('./telling');
const { greeter, local, play, ups } = require('./serving');

if (cluster.isWorker) greeter().listen(0, '127.0.0.1');
else {
  play(async () => {
    const [{ worker, port }] = await ups(2);
    worker.kill('SIGSTOP');
    const asked = Array.from({ length: 6 }, () => fetch(local(port), 1500));
    await pause(200);
    worker.kill('SIGKILL');
    const got = await Promise.all(asked);
    return `of 6 clients ${got.filter((one) => one === 'hung').length} hang`;
  });
}
