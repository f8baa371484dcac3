'use strict';
const cluster = require('cluster');
const { fetch, guard, say } = require('./telling');
const net = require('net');

guard();

if (cluster.isWorker) {
  // Says something, and the rest later: cut if the worker does not drain.
  net.createServer((socket) => {
    socket.write('begun');
    process.send('serving');
    setTimeout(() => socket.end(', ended'), 300);
  }).listen(0, '127.0.0.1');
} else {
  const got = {};
  let answer;
  let last;
  const look = () => { last = Object.keys(cluster.workers).length; };
  for (const signal of ['SIGKILL', 'SIGTERM']) {
    const worker = cluster.fork();
    worker.on('listening', ({ port }) => {
      if (signal === 'SIGKILL') worker.kill(signal);
      else answer = fetch({ port, host: '127.0.0.1' });
    });
    worker.on('message', () => worker.kill());
    worker.on('disconnect', look);
    worker.on('exit', async (...how) => {
      look();
      got[signal] = `${how[1]} (exitedAfterDisconnect ${worker.exitedAfterDisconnect})`;
      if (Object.keys(got).length < 2) return;
      say(`${got.SIGKILL}; by default ${got.SIGTERM}, whose client hears "${await answer}"; ` +
          `workers at the last event: ${last}`, got);
    });
  }
}
