'use strict';
const cluster = require('cluster');
const net = require('net');
const dgram = require('dgram');
const { fork } = require('child_process');
const { guard, once, say } = require('./telling');
guard();

// A worker listens twice on one fixed port: TCP and UDP, in a primary for each policy.
const open = (kind, port, tell) => {
  const server = kind === 'tcp' ? net.createServer() : dgram.createSocket('udp4');
  server.on('error', (error) => tell(error.code));
  const where = { port, host: '127.0.0.1', address: '127.0.0.1' };
  if (kind === 'tcp') server.listen(where, () => tell('succeeds'));
  else server.bind(where, () => tell('succeeds'));
};
const [policy, kind, port] = process.argv.slice(2);

if (cluster.isWorker) {
  open(kind, Number(port), (first) => {
    if (first !== 'succeeds') process.send(`first: ${first}`);
    else open(kind, Number(port), (again) => process.send(again));
  });
} else if (policy) {
  cluster.schedulingPolicy = policy === 'none' ? cluster.SCHED_NONE : cluster.SCHED_RR;
  cluster.setupPrimary({ silent: true });
  const worker = cluster.fork();
  let end = 'the worker dies';
  worker.on('message', (message) => { end = message; worker.process.kill('SIGKILL'); });
  worker.on('exit', () => process.send(end, () => process.disconnect()));
} else {
  (async () => {
    const found = [];
    for (const chosen of ['round robin', 'none']) {
      for (const how of ['tcp', 'udp']) {
        const probe = net.createServer().listen(0, '127.0.0.1');
        await once(probe, 'listening');
        const free = probe.address().port;
        await new Promise((resolve) => probe.close(resolve));
        const primary = fork(__filename, [chosen, how, free]);
        const said = await once(primary, 'message');
        found.push(`${how}, ${chosen}: ${Array.isArray(said) ? said[0] : said}`);
        await once(primary, 'exit');
      }
    }
    say(found.join('; '), found);
  })();
}
