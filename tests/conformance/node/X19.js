'use strict';
const cluster = require('cluster');
const dgram = require('dgram');
const { fork } = require('child_process');
const { exits, freePort, greeter, hears, outcome, play } = require('./serving');

if (cluster.isWorker) {
  const port = Number(process.env.PORT);
  const open = () => {
    if (process.env.KIND === 'tcp') return outcome(greeter().listen(port, '127.0.0.1'));
    const socket = dgram.createSocket({ type: 'udp4', reuseAddr: true });
    const got = outcome(socket);
    socket.bind(port, '127.0.0.1');
    return got;
  };
  (async () => {
    await open();
    process.send(await open());
  })();
} else if (process.env.KIND) {
  if (process.env.POLICY === 'none') cluster.schedulingPolicy = cluster.SCHED_NONE;
  (async () => {
    const worker = cluster.fork({ PORT: await freePort() });
    process.send(await Promise.race([hears(worker), exits(worker)]));
    worker.on('exit', () => process.disconnect());
    worker.kill('SIGKILL');
  })();
} else {
  play(async () => {
    const got = [];
    for (const [KIND, POLICY] of [['tcp', 'rr'], ['tcp', 'none'], ['udp', 'rr']]) {
      const child = fork(__filename, { env: { ...process.env, KIND, POLICY } });
      got.push(`${KIND} ${POLICY}: ${await hears(child)}`);
    }
    return got.join('; ');
  });
}
