'use strict';
const cluster = require('cluster');
const { fetch, pause } = require('./telling');
const { exits, greeter, local, play, up, ups } = require('./serving');

if (cluster.isWorker) greeter().listen(Number(process.env.PORT), '127.0.0.1');
else {
  play(async () => {
    const { freePort } = require('./serving');
    const PORT = await freePort();
    await ups(2, { PORT });
    let on = true;
    let count = 0;
    let failed = 0;
    const visitor = async () => {
      while (on) {
        const got = await fetch(local(PORT), 1000);
        count++;
        if (!/^\d+$/.test(got)) failed++;
      }
    };
    const phase = async (replace) => {
      on = true;
      failed = 0;
      const visitors = Array.from({ length: 8 }, visitor);
      for (const worker of Object.values(cluster.workers)) await replace(worker);
      on = false;
      await Promise.all(visitors);
      return failed;
    };
    const newFirst = await phase(async (worker) => {
      await up({ PORT });
      const over = exits(worker);
      worker.disconnect();
      await over;
    });
    const oldFirst = await phase(async (worker) => {
      const over = exits(worker);
      worker.disconnect();
      await over;
      await up({ PORT });
    });
    const killed = await phase(async (worker) => {
      const over = exits(worker);
      worker.kill('SIGKILL');
      await over;
      await up({ PORT });
    });
    return [`failures among thousands: ${newFirst} with the new ones first, ${oldFirst} with the old ones first, ${killed ? 'some' : 0} with SIGKILL`, { count, newFirst, oldFirst, killed }];
  });
}
