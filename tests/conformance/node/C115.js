'use strict';
const cluster = require('cluster');
const dgram = require('dgram');
const { exits, play } = require('./serving');

if (cluster.isWorker) {
  const socket = dgram.createSocket('udp4');
  socket.bind(0, '127.0.0.1', () => socket.close(() => cluster.worker.disconnect()));
} else {
  play(async () => {
    const ends = [1, 2, 3].map(() => exits(cluster.fork()));
    return `closed while listening: three workers end with ${(await Promise.all(ends)).join(', ')}`;
  });
}
