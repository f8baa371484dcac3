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
  let last;
  const end = (start, ended) => {
    const worker = cluster.fork();
    const look = () => { last = Object.keys(cluster.workers).length; };
    worker.on('listening', ({ port }) => start(worker, port));
    worker.on('disconnect', look);
    worker.on('exit', (code, signal) => {
      look();
      ended(`${signal} (exitedAfterDisconnect ${worker.exitedAfterDisconnect})`);
    });
  };
  let answer;
  end((worker) => worker.kill('SIGKILL'), (first) => {
    end((worker, port) => {
      answer = fetch({ port, host: '127.0.0.1' });
      worker.on('message', () => worker.kill());
    }, async (second) => {
      say(`${first}; by default ${second}, whose client hears "${await answer}"; workers at the ` +
          `last event: ${last}`, { first, second });
    });
  });
}
