'use strict';
const cluster = require('cluster');
const fs = require('fs');
const path = require('path');
const { fetch } = require('./telling');
const { exits, greeter, play, up } = require('./serving');

const deep = 'd'.repeat(100);
if (cluster.isWorker) {
  greeter().listen(path.join(deep, 'a.sock'));
} else {
  play(async () => {
    fs.mkdirSync(deep);
    const { worker, info } = await up();
    const file = path.join(deep, 'a.sock');
    const answer = await fetch({ path: file });
    const over = exits(worker);
    worker.disconnect();
    await over;
    const absolute = info.address === path.resolve(file);
    const left = fs.existsSync(file) ? 'stays' : 'is removed';
    return `answers ${answer} in a directory too long for a socket's name; the event has ${absolute ? 'the absolute path' : info.address}; the file ${left}`;
  });
}
