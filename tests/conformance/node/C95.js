'use strict';
const cluster = require('cluster');
const { fetch, pause } = require('./telling');
const { greeter, local, play, up } = require('./serving');

if (cluster.isWorker) greeter().listen(0, '127.0.0.1');
else {
  play(async () => {
    const { worker, port } = await up();
    await pause(300);
    return `after 300 ms: ${worker.isDead() ? 'dead' : 'alive'}, answers ${await fetch(local(port))}`;
  });
}
