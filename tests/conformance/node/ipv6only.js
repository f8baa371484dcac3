'use strict';
// C71 and C72: the same under both policies.
const cluster = require('cluster');
const net = require('net');
const { fetch } = require('./telling');
const { greeter, local, outcome, play, ups } = require('./serving');

exports.run = () => {
  if (cluster.isWorker) greeter().listen({ port: 0, host: '::', ipv6Only: true });
  else {
    play(async () => {
      const [{ port }, other] = await ups(2);
      const refused = await fetch(local(port));
      const free = await outcome(net.createServer().listen(port, '0.0.0.0'));
      const ipv6 = await fetch({ port, host: '::1' });
      return `${port === other.port ? 'one port' : 'two ports'}; IPv6 ${ipv6 ? 'answers' : 'does not'}; IPv4 ${refused}, and another gets it: ${free}`;
    });
  }
};
