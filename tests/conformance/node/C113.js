'use strict';
const cluster = require('cluster');
const dgram = require('dgram');
const { once } = require('./telling');
const { hears, outcome, play } = require('./serving');

if (cluster.isWorker) {
  (async () => {
    const socket = dgram.createSocket('udp4');
    let got = outcome(socket);
    socket.bind(Number(process.env.PORT), '127.0.0.1');
    process.send(await got);
    await new Promise((resolve) => process.once('message', resolve));
    got = outcome(socket);
    socket.bind(Number(process.env.PORT), '127.0.0.1');
    process.send(await got);
  })();
} else {
  play(async () => {
    const busy = dgram.createSocket('udp4');
    busy.bind({ port: 0, address: '127.0.0.1', exclusive: true });
    await once(busy, 'listening');
    const worker = cluster.fork({ PORT: busy.address().port });
    const first = await hears(worker);
    await new Promise((resolve) => busy.close(resolve));
    worker.send('again');
    return `busy: ${first}; when it is free, the same socket: ${await hears(worker)}`;
  });
}
