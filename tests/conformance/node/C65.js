'use strict';
const cluster = require('cluster');
const net = require('net');
const { once } = require('./telling');
const { greeter, hears, outcome, play } = require('./serving');

if (cluster.isWorker) {
  outcome(greeter().listen('./busy.sock')).then((got) => process.send(got));
} else {
  play(async () => {
    const busy = net.createServer().listen('./busy.sock');
    await once(busy, 'listening');
    const got = await hears(cluster.fork());
    await new Promise((resolve) => busy.close(resolve));
    return `the worker gets ${got}`;
  });
}
