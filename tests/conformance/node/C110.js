'use strict';
const cluster = require('cluster');
const dgram = require('dgram');
const { freePort, outcome, hears, play } = require('./serving');

if (cluster.isWorker) {
  const socket = dgram.createSocket({ type: 'udp4', reusePort: true });
  outcome(socket).then((got) => process.send(got));
  socket.bind(Number(process.env.PORT), '127.0.0.1');
} else {
  play(async () => {
    let told = 0;
    cluster.on('listening', () => told++);
    const PORT = await freePort();
    const got = [await hears(cluster.fork({ PORT })), await hears(cluster.fork({ PORT }))];
    return `${got.join(', ')}; ${told ? 'ignored: the primary binds' : 'the primary is not asked'}`;
  });
}
