'use strict';
const cluster = require('cluster');
const net = require('net');
const { fetch, guard, once, pause, say } = require('./telling');
guard();

// The only worker is frozen, 20 clients come, and another worker joins.
if (cluster.isWorker) {
  net.createServer((socket) => socket.end(String(cluster.worker.id)))
    .listen(Number(process.env.PORT), '127.0.0.1');
} else {
  (async () => {
    const probe = net.createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address();
    await new Promise((resolve) => probe.close(resolve));
    const first = cluster.fork({ PORT: port });
    await once(first, 'listening');
    first.process.kill('SIGSTOP');
    const answers = Promise.all(
      Array.from({ length: 20 }, () => fetch({ port, host: '127.0.0.1' })));
    await pause(200);
    const second = cluster.fork({ PORT: port });
    await once(second, 'listening');
    const served = (await answers).filter((answer) => answer === '2').length;
    say(`it serves ${served} of 20`, served);
    first.process.kill('SIGKILL');
    second.process.kill('SIGKILL');
    process.exit(0);
  })();
}
