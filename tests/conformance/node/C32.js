'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');
const net = require('net');
guard();

if (cluster.isWorker) {
  const client = net.connect(process.env.PORT, '127.0.0.1');
  client.on('data', () => cluster.worker.disconnect());
} else {
  const order = [];
  const server = net.createServer((socket) => {
    socket.write('x');
    worker.on('disconnect', () => {
      order.push('disconnect');
      setTimeout(() => { order.push('connection ends'); socket.end(); }, 150);
    });
  });
  let worker;
  server.listen(0, '127.0.0.1', () => {
    worker = cluster.fork({ PORT: server.address().port });
    worker.on('exit', () => {
      order.push('exit');
      server.close();
      say(order.join(', '), order);
    });
  });
}
