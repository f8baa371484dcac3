'use strict';
const cluster = require('cluster');
const net = require('net');
const { fetch, once } = require('./telling');
const { greeter, hears, local, outcome, play } = require('./serving');

if (cluster.isWorker) {
  outcome(greeter().listen(Number(process.env.PORT), '127.0.0.1'))
    .then((got) => process.send(got));
} else {
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  play(async () => {
    const foreign = net.createServer((socket) => socket.end('foreign')).listen(local(0));
    await once(foreign, 'listening');
    const { port } = foreign.address();
    const got = await hears(cluster.fork({ PORT: port }));
    return `the worker gets ${got}; the port still answers ${await fetch(local(port))}`;
  });
}
