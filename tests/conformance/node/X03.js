'use strict';
const cluster = require('cluster');
const fs = require('fs');
const net = require('net');
const { pause } = require('./telling');
const { client, play, ups } = require('./serving');

const used = (pid) => {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
};

if (cluster.isWorker) {
  const server = net.createServer((socket) => socket.write('served'));
  server.maxConnections = 1;
  server.listen(0, '127.0.0.1');
} else {
  play(async () => {
    const all = await ups(2);
    const [{ port }] = all;
    const first = await client(port);
    const second = await client(port);
    await pause(100);
    const third = await client(port);
    const pids = [process.pid, ...all.map((one) => one.worker.process.pid)];
    const before = pids.map(used);
    await pause(1000);
    const cost = pids.map((pid, i) => used(pid) - before[i]).reduce((a, b) => a + b);
    first.destroy();
    for (let i = 0; !third.heard && i < 100; i++) await pause(10);
    second.destroy();
    third.destroy();
    return [`a client beyond all limits costs ${cost > 500 ? 'more than 500' : 'less than 100'} ms of processors in a second, and is served when one is free: ${Boolean(third.heard)}`, { cost }];
  });
}
