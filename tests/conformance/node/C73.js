'use strict';
const cluster = require('cluster');
const { freePort, greeter, hears, outcome, play } = require('./serving');

if (cluster.isWorker) {
  const options = { host: '127.0.0.1', port: Number(process.env.PORT), reusePort: true };
  outcome(greeter().listen(options)).then((got) => process.send(got));
} else {
  play(async () => {
    const { TCP } = process.binding('tcp_wrap');
    const { listen } = TCP.prototype;
    let asked = 0;
    const PORT = await freePort();
    TCP.prototype.listen = function (...some) {
      asked++;
      return listen.apply(this, some);
    };
    const got = [await hears(cluster.fork({ PORT })), await hears(cluster.fork({ PORT }))];
    const knows = asked ? 'ignored: the primary listens' : 'the primary is not asked';
    return `${got.join(', ')}; ${knows}`;
  });
}
