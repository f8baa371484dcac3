'use strict';
const cluster = require('cluster');
const { fetch, pause } = require('./telling');
const { exits, freePort, greeter, local, play, up } = require('./serving');

if (cluster.isWorker) greeter().listen(Number(process.env.PORT), '127.0.0.1');
else {
  play(async () => {
    const PORT = await freePort();
    const { worker } = await up({ PORT });
    worker.kill('SIGSTOP');
    const asked = Array.from({ length: 3 }, () => fetch(local(PORT), 1500));
    await pause(100);
    const over = exits(worker);
    worker.kill('SIGKILL');
    await over;
    const later = await fetch(local(PORT));
    const got = await Promise.all(asked);
    return `the last worker is killed with 3 clients waiting: ${got.map((one) => one || 'closed').join(', ')}; later ones ${later}`;
  });
}
