'use strict';
const cluster = require('cluster');
const dgram = require('dgram');
const { once } = require('./telling');
const { play } = require('./serving');

if (cluster.isWorker) {
  const socket = dgram.createSocket('udp4');
  const send = () => socket.send('x', Number(process.env.TO), '127.0.0.1');
  if (process.env.BIND) socket.bind(0, '127.0.0.1', send);
  else send();
} else {
  play(async () => {
    const sink = dgram.createSocket('udp4');
    sink.bind({ port: 0, address: '127.0.0.1', exclusive: true });
    await once(sink, 'listening');
    const ports = [];
    const all = new Promise((resolve) => {
      sink.on('message', (_, peer) => { if (ports.push(peer.port) === 4) resolve(); });
    });
    const TO = sink.address().port;
    for (const BIND of ['', '', '1', '1']) cluster.fork({ TO, BIND });
    await all;
    return `2 workers that bind port 0 and 2 that only send: ${new Set(ports).size} source ports`;
  });
}
