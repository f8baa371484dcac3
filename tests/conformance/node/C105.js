'use strict';
const cluster = require('cluster');
const dgram = require('dgram');
const { once, pause } = require('./telling');
const { play, up, ups } = require('./serving');

if (cluster.isWorker) {
  const most = Number(process.env.MOST);
  const socket = dgram.createSocket('udp4');
  let count = 0;
  socket.on('message', (_, peer) => {
    process.send(peer.port);
    if (++count === most) socket.close();
  });
  socket.bind(0, '127.0.0.1');
} else {
  play(async () => {
    const [{ port }] = await ups(4, { MOST: 10 });
    const counts = {};
    let total = 0;
    cluster.on('message', (worker) => {
      counts[worker.id] = (counts[worker.id] || 0) + 1;
      total++;
    });
    const client = dgram.createSocket('udp4');
    for (let i = 0; i < 40; i++) {
      client.send('x', port, '127.0.0.1');
      for (let j = 0; total <= i && j < 200; j++) await pause(2);
    }
    const limited = Object.values(counts);
    // And how one peer's datagrams, and all, are spread over workers without a limit.
    for (const worker of Object.values(cluster.workers)) worker.kill('SIGKILL');
    const [{ port: next }] = await ups(4, { MOST: 1e6 });
    const of = {};
    const by = {};
    let got = 0;
    cluster.removeAllListeners('message');
    cluster.on('message', (worker, peer) => {
      of[peer] = (of[peer] || new Set()).add(worker.id);
      by[worker.id] = (by[worker.id] || 0) + 1;
      got++;
    });
    const peers = Array.from({ length: 10 }, () => dgram.createSocket('udp4'));
    for (let i = 0; i < 400; i++) {
      peers[i % 10].send('x', next, '127.0.0.1');
      for (let j = 0; got < i - 8 && j < 200; j++) await pause(1);
    }
    for (let j = 0; got < 400 && j < 200; j++) await pause(5);
    const split = Object.values(of).filter((set) => set.size > 1).length;
    const spread = Object.values(by).sort((a, b) => b - a);
    return [`${total} of 40 arrive, ${limited.join(', ')} by worker; without a limit ${got} of 400: ${spread.join(', ')}; ${split} of 10 peers reach several workers`, { total, spread, split }];
  });
}
