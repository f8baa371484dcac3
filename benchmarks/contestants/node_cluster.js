// The same two servers under Node's cluster: node_cluster.js rr|none raw|web PORT WORKERS
const cluster = require('cluster');
const [policy, kind, port, workers] = process.argv.slice(2);
cluster.schedulingPolicy = policy === 'rr' ? cluster.SCHED_RR : cluster.SCHED_NONE;
const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n';
if (cluster.isPrimary) {
  for (let i = 0; i < Number(workers); i++) cluster.fork();
  process.on('SIGTERM', () => process.exit(0));
} else if (kind === 'raw') {
  require('net').createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(answer));
  }).listen(Number(port), '127.0.0.1');
} else {
  require('http').createServer((request, response) => {
    response.writeHead(200, {'Content-Length': 6});
    response.end('hello\n');
  }).listen(Number(port), '127.0.0.1');
}
