'use strict';
const cluster = require('cluster');
const dgram = require('dgram');
const { hears, play } = require('./serving');

if (cluster.isWorker) {
  (async () => {
    let good = 0;
    for (let i = 0; i < 20; i++) {
      const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1');
      await new Promise((resolve) => socket.once('listening', resolve));
      good += socket.address().port > 0;
      await new Promise((resolve) => socket.close(resolve));
    }
    process.send(good);
  })();
} else {
  play(async () => `${await hears(cluster.fork())} of 20 times bound to port 0 and closed`);
}
