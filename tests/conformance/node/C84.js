'use strict';
const cluster = require('cluster');
const net = require('net');
const { spawn } = require('child_process');
const { fetch, once } = require('./telling');
const { greeter, local, play } = require('./serving');

if (cluster.isWorker) greeter().listen({ fd: 3 });
else if (process.env.MIDDLE) {
  const worker = cluster.fork();
  worker.on('listening', ({ port, fd }) => console.log(`${port} ${fd}`));
  process.stdin.on('end', () => worker.disconnect()).resume();
} else {
  play(async () => {
    const server = net.createServer().listen(local(0));
    await once(server, 'listening');
    const { port } = server.address();
    const middle = spawn(process.execPath, [__filename], {
      env: { ...process.env, MIDDLE: '1' },
      stdio: ['pipe', 'pipe', 'inherit', server._handle.fd],
    });
    const said = String(await once(middle.stdout, 'data')).trim();
    server.close();
    const answer = await fetch(local(port));
    const over = once(middle, 'exit');
    middle.stdin.end();
    await over;
    const info = said === `${port} 3` ? 'the real port and fd 3' : said;
    return `answers ${answer} after its maker has closed it; the event has ${info}`;
  });
}
