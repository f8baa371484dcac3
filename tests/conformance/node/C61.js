'use strict';
const cluster = require('cluster');
const { fetch } = require('./telling');
const { greeter, local, play, up } = require('./serving');

if (cluster.isWorker) greeter().listen();
else {
  play(async () => {
    const { info } = await up();
    const answer = await fetch(local(info.port));
    return `answers ${answer}; address ${info.address}, type ${info.addressType}`;
  });
}
