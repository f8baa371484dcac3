'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');
const fs = require('fs');
const net = require('net');
guard();

if (cluster.isWorker) {
  process.on('uncaughtException', (error) => fs.appendFileSync('faults', `${error.message}\n`));
  net.createServer().on('error', () => {
    process.disconnect();
    throw new Error('wanted');
  }).listen(process.env.PORT, '127.0.0.1');
} else {
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    cluster.fork({ PORT: server.address().port }).on('exit', (code) => {
      server.close();
      const faults = fs.readFileSync('faults', 'utf8').trim().split('\n');
      say(`${faults.length} uncaught exception (${faults.join(', ')}), exit ${code}`, { faults, code });
    });
  });
}
