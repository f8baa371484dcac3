'use strict';
const cluster = require('cluster');
const { guard, pause, say } = require('./telling');
const fs = require('fs');
guard();

if (cluster.isWorker) {
  const worker = cluster.worker;
  fs.appendFileSync('said', `${worker.isConnected()}, `);
  worker.on('disconnect', () => fs.appendFileSync('said', String(worker.isConnected())));
} else {
  const worker = cluster.fork();
  const first = worker.isConnected();
  worker.on('online', () => pause(100).then(() => worker.disconnect()));
  let inside;
  worker.on('disconnect', () => { inside = worker.isConnected(); });
  worker.on('exit', () => {
    say(`primary: ${first} after fork, ${inside} inside disconnect; worker: ` +
        fs.readFileSync('said', 'utf8'));
  });
}
