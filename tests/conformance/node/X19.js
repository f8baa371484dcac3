'use strict';
const cluster = require('cluster');
const net = require('net');
const { fetch, guard, once, pause, say } = require('./telling');
guard();

// A worker listens twice on one fixed port.
if (cluster.isWorker) {
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    const again = net.createServer();
    again.on('error', (error) => process.send(error.code));
    again.listen(server.address().port, '127.0.0.1', () => process.send('listens'));
  });
} else {
  (async () => {
    const results = [];
    cluster.schedulingPolicy = process.argv[2] === 'none' ? cluster.SCHED_NONE : cluster.SCHED_RR;
    cluster.setupPrimary({ silent: true });
    const worker = cluster.fork();
    const end = await Promise.race([once(worker, 'message'), once(worker, 'exit')]);
    results.push(Array.isArray(end) && typeof end[0] === 'number' ? 'dies' : [].concat(end)[0]);
    say(`round robin: ${results[0]}`, results);
    worker.process.kill('SIGKILL');
  })();
}
