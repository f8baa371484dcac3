'use strict';
const cluster = require('cluster');
const dgram = require('dgram');
const { freePort, outcome, hears, play } = require('./serving');

if (cluster.isWorker) {
  const socket = dgram.createSocket({ type: 'udp4', reuseAddr: true });
  outcome(socket).then((got) => process.send(got));
  socket.bind(Number(process.env.PORT), '127.0.0.1');
} else {
  play(async () => {
    const PORT = await freePort();
    const own = dgram.createSocket({ type: 'udp4', reuseAddr: true });
    own.bind({ port: PORT, address: '127.0.0.1', exclusive: true });
    await outcome(own);
    return `a port that another has with reuseAddr: ${await hears(cluster.fork({ PORT }))}`;
  });
}
