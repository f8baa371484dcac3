'use strict';
const cluster = require('cluster');
const { fetch } = require('./telling');
const { greeter, local, play, up } = require('./serving');

if (cluster.isWorker) greeter().listen(0, '127.0.0.1');
else {
  play(async () => {
    const { port } = await up();
    return `port ${port > 0 ? 'is the real one' : port}, and answers ${await fetch(local(port))}`;
  });
}
