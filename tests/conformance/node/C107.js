'use strict';
const cluster = require('cluster');
const dgram = require('dgram');
const { hears, play, up } = require('./serving');

if (cluster.isWorker) {
  const socket = dgram.createSocket('udp4');
  socket.on('message', (data) => process.send(String(data)));
  socket.bind({ fd: Number(process.env.FD) });
} else {
  play(async () => {
    const { UDP } = process.binding('udp_wrap');
    const made = new UDP();
    made.bind('127.0.0.1', 0, 0);
    const { worker, info } = await up({ FD: made.fd });
    const where = {};
    made.getsockname(where);
    const heard = hears(worker);
    dgram.createSocket('udp4').send('hello', where.port, '127.0.0.1');
    const told = info.port === where.port ? 'the real port' : `port ${info.port}`;
    return `a datagram for the primary's descriptor reaches the worker: ${await heard}; the event has ${told}`;
  });
}
