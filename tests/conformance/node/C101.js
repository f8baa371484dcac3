'use strict';
const cluster = require('cluster');
const fs = require('fs');
const { greeter, play, up } = require('./serving');

if (cluster.isWorker) {
  greeter().listen({ path: './open.sock', readableAll: true, writableAll: true });
} else {
  play(async () => {
    await up();
    const mode = (fs.statSync('open.sock').mode & 0o777).toString(8);
    fs.rmSync('open.sock');
    return `readableAll, writableAll: mode ${mode}`;
  });
}
