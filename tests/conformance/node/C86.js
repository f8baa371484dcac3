'use strict';
const cluster = require('cluster');
const http = require('http');
const net = require('net');
const { once } = require('./telling');
const { client, hears, local, play } = require('./serving');

if (cluster.isWorker) {
  const server = http.createServer((request, response) => {
    response.setHeader('Connection', 'close');
    response.end(`peer ${request.socket.remotePort}`);
  });
  process.on('message', (_, socket) => {
    server.emit('connection', socket);
    socket.resume();
  });
  process.send('up');
} else {
  play(async () => {
    const worker = cluster.fork();
    await hears(worker);
    const server = net.createServer({ pauseOnConnect: true }, (socket) => {
      worker.send('take', socket);
    });
    server.listen(local(0));
    await once(server, 'listening');
    const one = await client(server.address().port);
    const own = one.localPort;
    one.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(one, 'close');
    const right = one.heard.includes(`peer ${own}`);
    return `the worker's HTTP server answers ${one.heard.split('\r\n')[0]}; it ${right ? 'knows' : 'does not know'} the peer`;
  });
}
