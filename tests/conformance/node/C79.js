'use strict';
const cluster = require('cluster');
const { freePort, greeter, hears, outcome, play } = require('./serving');

if (cluster.isWorker) {
  const host = '127.0.0.1';
  (async () => {
    const shared = await outcome(greeter().listen({ host, port: Number(process.env.SHARED) }));
    const own = { host, port: Number(process.env.OWN), exclusive: true };
    process.send([shared, await outcome(greeter().listen(own))]);
  })();
} else {
  play(async () => {
    const env = { SHARED: await freePort(), OWN: await freePort() };
    const one = await hears(cluster.fork(env));
    const two = await hears(cluster.fork(env));
    return `shared: ${one[0]}, ${two[0]}; exclusive: ${one[1]}, ${two[1]}`;
  });
}
