// node on_node.js PORT WORKERS: the same page; who dies is replaced, as most who use cluster
// write it; a worker that listens says so.
'use strict';
const cluster = require('node:cluster');
const http = require('node:http');

const [port, workers] = process.argv.slice(2);

// The same as importing.spend.
function spend() {
  const [kind, seconds] = (process.env.BENCHMARK_IMPORT || 'nothing 0').split(' ');
  const wanted = Number(seconds) * 1e6;
  if (kind === 'waits') {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, wanted / 1e3);
  } else if (kind === 'works') {
    const begun = process.cpuUsage();
    let spent = 0;
    while (spent < wanted) {
      const { user, system } = process.cpuUsage(begun);
      spent = user + system;
    }
  }
}

function respond(request, response) {
  const body = `${process.pid}\n`;
  response.writeHead(200, { 'Content-Type': 'text/html', 'Content-Length': body.length });
  response.end(body);
}

function primary() {
  let ending = false;
  cluster.schedulingPolicy = cluster.SCHED_RR;
  for (let i = 0; i < Number(workers); i++) cluster.fork();
  cluster.on('exit', () => { if (!ending) cluster.fork(); });
  process.on('SIGTERM', () => {
    ending = true;
    process.exit(0); // workers end with their channel
  });
}

function worker() {
  spend();
  http.createServer(respond).listen(Number(port), '127.0.0.1', () => {
    process.stdout.write(`worker (${process.pid}) ready\n`);
  });
}

if (cluster.isPrimary) primary();
else worker();
