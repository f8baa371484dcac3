'use strict';
const cluster = require('cluster');
const dgram = require('dgram');
const { once } = require('./telling');
const { play, ups } = require('./serving');

if (cluster.isWorker) {
  const socket = dgram.createSocket('udp4');
  const to = Number(process.env.TO);
  socket.on('listening', () => socket.send(String(cluster.worker.id), to, '127.0.0.1'));
  socket.bind(0, '127.0.0.1');
} else {
  play(async () => {
    const sink = dgram.createSocket('udp4');
    sink.bind(0, '127.0.0.1');
    await once(sink, 'listening');
    const ports = new Set();
    const all = new Promise((resolve) => {
      const heard = new Set();
      sink.on('message', (data, peer) => {
        ports.add(peer.port);
        if (heard.add(String(data)).size === 2) resolve();
      });
    });
    const [{ port }] = await ups(2, { TO: sink.address().port });
    await all;
    const same = ports.size === 1 && ports.has(port);
    return `both workers send, from ${same ? 'the shared port' : 'other ports'}`;
  });
}
