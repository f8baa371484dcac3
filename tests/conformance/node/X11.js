'use strict';
const cluster = require('cluster');
const net = require('net');
const { client, play, ups } = require('./serving');
const { once } = require('./telling');

if (cluster.isWorker) {
  net.createServer((socket) => {
    socket.on('data', (data) => {
      if (String(data) === 'block') {
        const end = Date.now() + 800;
        while (Date.now() < end);
      }
      socket.end(String(cluster.worker.id));
    });
  }).listen(0, '127.0.0.1');
} else {
  play(async () => {
    const [{ port }] = await ups(2);
    const visit = async (what) => {
      const start = Date.now();
      const one = await client(port);
      one.write(what);
      await once(one, 'close');
      return Date.now() - start;
    };
    const blocks = visit('block');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const waits = await Promise.all([1, 2, 3, 4, 5, 6].map(() => visit('hello')));
    await blocks;
    const late = waits.filter((ms) => ms > 400).length;
    return [`beside a worker that blocks for 800 ms, ${late} of 6 clients wait for it`, { late }];
  });
}
