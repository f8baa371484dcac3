// node node_cluster.js rr|none|reusePort raw|web|named PORT WORKERS
'use strict';
const cluster = require('node:cluster');
const http = require('node:http');
const net = require('node:net');

const [policy, app, port, workers] = process.argv.slice(2);
const BODY = 'hello, world\n';
const RESPONSE =
  `HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length}\r\nConnection: close\r\n\r\n${BODY}`;

// The same as apps.raw: answer the first bytes, whatever they are, and close.
function raw() {
  return net.createServer((socket) => {
    socket.once('data', () => socket.end(RESPONSE));
    socket.on('error', () => {});
  });
}

// The same as apps.web.
function web() {
  return http.createServer((request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html', 'Content-Length': BODY.length });
    response.end(BODY);
  });
}

// The same as apps.Named, apps.stop and apps.trouble.
let slowness = 0;
const still = new Int32Array(new SharedArrayBuffer(4));

function stop(milliseconds) {
  if (milliseconds) Atomics.wait(still, 0, 0, milliseconds);
}

function named() {
  const [kind, amount] = (process.env.BENCHMARK_TROUBLE || 'stop 0').split(' ');
  process.on('SIGUSR2', () => {
    if (kind === 'slow') slowness = Number(amount);
    else stop(Number(amount));
  });
  return net.createServer((socket) => {
    socket.once('data', (data) => {
      const asked = /block=(\d+)/.exec(data.toString('latin1'));
      stop(slowness + (asked ? Number(asked[1]) : 0));
      socket.end(`HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${process.pid}\n`);
    });
    socket.on('error', () => {});
  });
}

const apps = { raw, web, named };

if (cluster.isPrimary) {
  cluster.schedulingPolicy = policy === 'rr' ? cluster.SCHED_RR : cluster.SCHED_NONE;
  for (let i = 0; i < Number(workers); i++) cluster.fork();
  process.on('SIGTERM', () => process.exit(0)); // workers end with their channel
} else {
  const reusePort = policy === 'reusePort'; // each worker listens itself
  apps[app]().listen({ port: Number(port), host: '127.0.0.1', reusePort });
}
