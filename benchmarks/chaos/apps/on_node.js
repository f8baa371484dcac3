// node on_node.js PORT WORKERS: who dies is replaced, as most who use cluster write it.
'use strict';
const cluster = require('node:cluster');
const http = require('node:http');

const [port, workers] = process.argv.slice(2);
const FILLING = '.'.repeat(1000);

function respond(request, response) {
  const first = `${process.pid}\n${FILLING}`;
  response.writeHead(200, { 'Content-Length': first.length + 5, 'Content-Type': 'text/plain' });
  response.write(first);
  setTimeout(() => response.end('\nend\n'), 5);
}

function primary() {
  let ending = false;
  const renewed = new Set();
  cluster.schedulingPolicy = cluster.SCHED_RR;
  for (let i = 0; i < Number(workers); i++) cluster.fork();
  cluster.on('exit', (worker) => { if (!ending && !renewed.has(worker.id)) cluster.fork(); });
  process.on('SIGTERM', () => {
    ending = true;
    cluster.disconnect(() => process.exit(0));
  });
  // One after the other: the new one listens before an old one is disconnected.
  process.on('SIGHUP', async () => {
    for (const old of Object.values(cluster.workers)) {
      const successor = cluster.fork();
      await new Promise((resolve) => successor.once('listening', resolve));
      renewed.add(old.id);
      old.disconnect();
    }
  });
}

function worker() {
  const server = http.createServer(respond).listen(Number(port), '127.0.0.1');
  process.on('SIGTERM', () => {}); // the primary says when
  process.on('disconnect', () => server.closeIdleConnections());
}

if (cluster.isPrimary) primary();
else worker();
