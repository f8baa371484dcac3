'use strict';
const cluster = require('cluster');
const { guard, isAlive, pause, say } = require('./telling');
const { fork } = require('child_process');
guard();

if (process.env.PRIMARY === 'yes' && cluster.isPrimary) {
  const worker = cluster.fork();
  worker.on('online', () => process.send(worker.process.pid, () => process.exit(0)));
} else if (cluster.isPrimary) {
  const child = fork(__filename, { env: { ...process.env, PRIMARY: 'yes' } });
  let pid;
  child.on('message', (value) => { pid = value; });
  child.on('exit', async (code) => {
    let tries = 0;
    while (isAlive(pid) && tries++ < 200) await pause(10);
    say(`primary exits ${code}; its worker ${isAlive(pid) ? 'stays' : 'goes'}`);
  });
}
