// node node_cluster.js rr|none raw|web PORT WORKERS
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

if (cluster.isPrimary) {
  cluster.schedulingPolicy = policy === 'rr' ? cluster.SCHED_RR : cluster.SCHED_NONE;
  for (let i = 0; i < Number(workers); i++) cluster.fork();
  process.on('SIGTERM', () => process.exit(0)); // workers end with their channel
} else {
  (app === 'raw' ? raw() : web()).listen(Number(port), '127.0.0.1');
}
