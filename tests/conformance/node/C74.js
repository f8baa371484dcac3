'use strict';
const cluster = require('cluster');
const { fetch, once } = require('./telling');
const { greeter, local, play, ups } = require('./serving');

if (cluster.isWorker) {
  const open = () => greeter().listen(0, '127.0.0.1');
  let server = open();
  process.on('message', () => server.close(() => { server = open(); }));
} else {
  play(async () => {
    const [one, two] = await ups(2);
    one.worker.send('again');
    const { port } = await once(one.worker, 'listening');
    const got = [await fetch(local(port)), await fetch(local(port))].sort();
    return `listening again gives ${port === two.port ? 'the same port' : 'another port'}; answered by ${got.join(' and ')}`;
  });
}
