'use strict';
const cluster = require('cluster');
const { fetch } = require('./telling');
const { greeter, play, ups } = require('./serving');

if (cluster.isWorker) greeter().listen({ port: 0, host: '::', ipv6Only: false });
else {
  play(async () => {
    const all = await ups(2);
    const [{ port }] = all;
    const same = all.every((one) => one.port === port);
    const got = [await fetch({ port, host: '127.0.0.1' }), await fetch({ port, host: '::1' })];
    return `workers ${same ? 'share a port' : 'differ'}; IPv4 and IPv6 clients get ${got.join(' and ')}`;
  });
}
