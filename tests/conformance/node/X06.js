'use strict';
const cluster = require('cluster');
const net = require('net');
const { pause } = require('./telling');
const { client, exits, play, ups } = require('./serving');

if (cluster.isWorker) {
  net.createServer((socket) => {
    socket.write(String(cluster.worker.id));
    socket.on('end', () => socket.end());
  }).listen(0, '127.0.0.1');
} else {
  play(async () => {
    const all = await ups(2);
    const slow = await client(all[0].port);
    while (!slow.heard) await pause(5);
    const busy = all.find(({ worker }) => String(worker.id) === slow.heard).worker;
    const over = exits(busy);
    await new Promise((resolve) => cluster.disconnect(resolve));
    const early = !busy.isDead();
    slow.end();
    await over;
    return `the callback comes ${early ? 'before the slow worker has gone' : 'after the last'}`;
  });
}
