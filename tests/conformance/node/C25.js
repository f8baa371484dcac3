'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');

guard();

if (cluster.isWorker) {
  if (process.env.HOW === 'kill') cluster.worker.kill();
  else cluster.worker.disconnect();
} else {
  const got = [];
  let gone = 0;
  for (const HOW of ['kill', 'disconnect']) {
    const worker = cluster.fork({ HOW });
    let ead;
    worker.on('disconnect', () => { ead = worker.exitedAfterDisconnect; });
    worker.on('exit', (code) => {
      got.push(`${HOW}: ${ead} and ${worker.exitedAfterDisconnect}, exit ${code}`);
      if (++gone === 2) say(`exitedAfterDisconnect after ${got.sort().reverse().join('; ')}`, got);
    });
  }
}
