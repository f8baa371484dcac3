'use strict';
const cluster = require('cluster');
const { greeter, play, up } = require('./serving');

if (cluster.isWorker) {
  greeter().listen({ port: 0, host: '127.0.0.1', backlog: Number(process.env.BACKLOG) });
} else {
  const { TCP } = process.binding('tcp_wrap');
  const { listen } = TCP.prototype;
  const asked = [];
  TCP.prototype.listen = function (backlog) {
    asked.push(backlog);
    return listen.call(this, backlog);
  };
  play(async () => {
    await up({ BACKLOG: 700 });
    await up({ BACKLOG: 800 });
    return [`the primary listens with ${asked.join(' and ')}; workers ask for 700, then 800`, asked];
  });
}
