'use strict';
const cluster = require('cluster');
const { fork } = require('child_process');
const fs = require('fs');
const net = require('net');
const { once, pause } = require('./telling');
const { client, hears, play } = require('./serving');

const runs = (pid) => {
  try {
    return !fs.readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
};

if (cluster.isWorker) {
  net.createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => socket.write(data));
  }).listen(0, '127.0.0.1');
} else if (process.env.SECOND) {
  const worker = cluster.fork();
  worker.on('listening', ({ port }) => process.send([port, worker.process.pid]));
} else {
  play(async () => {
    const primary = fork(__filename, { env: { ...process.env, SECOND: '1' } });
    const [port, pid] = await hears(primary);
    const one = await client(port);
    one.on('error', () => {});
    one.write('a');
    while (!one.heard) await pause(5);
    const closed = once(one, 'close');
    const start = Date.now();
    primary.kill('SIGKILL');
    await closed;
    while (runs(pid) && Date.now() < start + 3000) await pause(5);
    const when = Date.now() - start < 1000 ? 'at once' : 'later';
    return `the request that is served is cut ${when}, and the worker ${runs(pid) ? 'stays' : 'ends'}`;
  });
}
