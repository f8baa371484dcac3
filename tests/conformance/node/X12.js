'use strict';
const cluster = require('cluster');
const net = require('net');
const { fetch, guard, once, pause, say } = require('./telling');
guard();

// Workers are killed under load.
if (cluster.isWorker) {
  net.createServer((socket) => socket.end('x')).listen(Number(process.env.PORT), '127.0.0.1');
} else {
  (async () => {
    const begin = async (port) => {
      const worker = cluster.fork({ PORT: port });
      const info = await once(worker, 'listening');
      return { worker, port: info.port };
    };
    const probe = net.createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address();
    await new Promise((resolve) => probe.close(resolve));
    const workers = [await begin(port), await begin(port)];
    const counts = { graceful: {}, killed: {} };
    let phase = 'graceful';
    let over = false;
    const client = async () => {
      while (!over) {
        const now = phase;
        const answer = await fetch({ port, host: '127.0.0.1' }, 1500);
        const kind = answer === 'x' ? 'served' : answer === 'hung' ? 'hung' : 'cut';
        counts[now][kind] = (counts[now][kind] || 0) + 1;
      }
    };
    const clients = Array.from({ length: 8 }, client);
    for (let i = 0; i < 3; i++) {
      workers.push(await begin(port));
      const old = workers.shift().worker;
      old.disconnect();
      await once(old, 'exit');
    }
    phase = 'killed';
    await pause(200); // what began before is over
    for (let i = 0; i < 5; i++) {
      const old = workers.shift().worker;
      old.process.kill('SIGKILL');
      await once(old, 'exit');
      workers.push(await begin(port));
    }
    over = true;
    await Promise.all(clients);
    const bad = (of) => (of.cut || of.hung ? 'some fail' : 'none fails');
    say(`gracefully ${bad(counts.graceful)}; by SIGKILL ` +
        (counts.killed.hung ? 'some hang' : bad(counts.killed)));
    for (const { worker } of workers) worker.process.kill('SIGKILL');
    process.exit(0);
  })();
}
