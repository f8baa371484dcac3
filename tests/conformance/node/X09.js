'use strict';
const cluster = require('cluster');
const net = require('net');
const { fetch } = require('./telling');
const { local, play } = require('./serving');

if (cluster.isWorker) {
  const open = (name) => new Promise((resolve) => {
    const server = net.createServer((socket) => socket.end(name));
    server.listen(0, '127.0.0.1', () => resolve(server.address().port));
  });
  (async () => {
    for (const name of process.env.ORDER) process.send([name, await open(name)]);
  })();
} else {
  play(async () => {
    const ports = {};
    const all = new Promise((resolve) => {
      let count = 0;
      cluster.on('message', (worker, [name, port]) => {
        ports[`${name}${worker.id}`] = port;
        if (++count === 4) resolve();
      });
    });
    cluster.fork({ ORDER: 'AB' });
    cluster.fork({ ORDER: 'BA' });
    await all;
    const got = [await fetch(local(ports.A1)), await fetch(local(ports.A1))].sort();
    return `a client of the first worker's A gets ${got.join(' or ')}`;
  });
}
