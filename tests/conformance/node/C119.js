'use strict';
const cluster = require('cluster');
const dgram = require('dgram');
const { greeter, hears, outcome, play } = require('./serving');

if (cluster.isWorker) {
  const udp = dgram.createSocket('udp4');
  const bind = (port) => {
    const got = outcome(udp);
    udp.bind(port, '127.0.0.1');
    return got;
  };
  (async () => {
    const tcp = greeter().listen(Number(process.env.TCP || 0), '127.0.0.1');
    const got = [await outcome(tcp), await bind(Number(process.env.UDP || 0))];
    const ports = got.includes('EADDRINUSE') ? [] : [tcp.address().port, udp.address().port];
    process.send([got, ports]);
  })();
} else {
  play(async () => {
    const [, [TCP, UDP]] = await hears(cluster.fork());
    const [[tcp, udp]] = await hears(cluster.fork({ TCP, UDP }));
    return `the number that another worker got for 0: TCP ${tcp}, UDP ${udp}`;
  });
}
