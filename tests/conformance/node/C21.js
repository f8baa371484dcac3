'use strict';
const cluster = require('cluster');
const { guard, isAlive, say } = require('./telling');
const net = require('net');
guard();

if (cluster.isWorker) {
  net.createServer().listen(0, '127.0.0.1');
  process.once('message', () => process.exit(7));
} else {
  const worker = cluster.fork();
  const count = { disconnect: 0, exit: 0 };
  let state;
  worker.on('listening', () => worker.send('end'));
  worker.on('disconnect', () => { count.disconnect++; state = worker.state; });
  worker.on('exit', (code) => {
    count.exit++;
    setTimeout(() => {
      say(`${count.disconnect} disconnect (state ${state}), ${count.exit} exit (code ${code}); ` +
          `exitedAfterDisconnect ${worker.exitedAfterDisconnect}; process ` +
          `${isAlive(worker.process.pid) ? 'alive' : 'gone'}`, { count });
    }, 50);
  });
}
