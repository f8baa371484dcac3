'use strict';
const { once } = require('./telling');
const cluster = require('cluster');
const net = require('net');
const { client, hears, local, play } = require('./serving');

if (cluster.isWorker) {
  process.on('message', (what, socket) => {
    if (what === 'sum') process.send('alive');
    else if (socket) socket.end(what);
    else process.send(`${what} has no handle`);
  });
  process.send('up');
} else {
  play(async () => {
    const worker = cluster.fork();
    await hears(worker);
    const sent = [];
    const server = net.createServer({ pauseOnConnect: true }, (socket) => {
      for (const what of ['first', 'second']) {
        worker.send(what, socket, (error) => sent.push(error ? error.code : 'sent'));
      }
    });
    server.listen(local(0));
    await once(server, 'listening');
    const one = await client(server.address().port);
    const next = hears(worker);
    await once(one, 'close');
    worker.send('sum');
    const after = await next;
    return `sent twice: ${sent.join(', ')}; the client gets "${one.heard}"; the worker: ${after}`;
  });
}
