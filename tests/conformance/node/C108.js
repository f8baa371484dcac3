'use strict';
const cluster = require('cluster');
const dgram = require('dgram');
const { outcome, play, ups } = require('./serving');

if (cluster.isWorker) {
  dgram.createSocket({ type: 'udp6', ipv6Only: true }).bind(0, '::');
} else {
  play(async () => {
    const [one, two] = await ups(2);
    const other = dgram.createSocket('udp4');
    const got = outcome(other);
    other.bind({ port: one.port, address: '0.0.0.0', exclusive: true });
    return `workers ${one.port === two.port ? 'share a port' : 'differ'}; the IPv4 port of that number is free: ${await got}`;
  });
}
