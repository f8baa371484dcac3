'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');
const net = require('net');
guard();

if (cluster.isWorker) {
  const pipe = new net.Socket({ fd: 4 });
  pipe.on('data', (data) => {
    pipe.write(`heard ${data}`);
    process.send('sent beside it');
  });
} else {
  cluster.setupPrimary({ stdio: ['inherit', 'inherit', 'inherit', 'ipc', 'pipe'] });
  const worker = cluster.fork();
  const pipe = worker.process.stdio[4];
  const heard = [];
  const look = () => {
    if (heard.length < 2) return;
    worker.process.kill();
    worker.on('exit', () => {
      say(`a fifth pipe goes both ways (${heard.sort().join(', ')}) while messages do`, heard);
    });
  };
  pipe.on('data', (data) => { heard.push(String(data)); look(); });
  worker.on('message', (message) => { heard.push(message); look(); });
  pipe.write('hi');
}
