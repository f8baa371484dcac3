'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');
const net = require('net');
guard();

if (cluster.isWorker) {
  net.createServer((socket) => {
    socket.write('x');
    socket.on('end', () => socket.end());
  }).listen(0, '127.0.0.1');
} else {
  const order = [];
  const worker = cluster.fork();
  worker.on('listening', ({ port }) => {
    const client = net.connect(port, '127.0.0.1');
    client.once('data', () => {
      worker.disconnect();
      setTimeout(() => { order.push('connection ends'); client.end(); }, 150);
    });
  });
  worker.on('disconnect', () => order.push('disconnect'));
  worker.on('exit', () => {
    order.push('exit');
    say(order.join(', '), order);
  });
}
