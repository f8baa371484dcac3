'use strict';
const cluster = require('cluster');
const { fetch } = require('./telling');
const { greeter, local, play, up } = require('./serving');

if (cluster.isWorker) greeter().listen(0, '127.0.0.1');
else {
  const { TCP } = process.binding('tcp_wrap');
  const { listen } = TCP.prototype;
  let handle;
  TCP.prototype.listen = function (backlog) {
    handle = this;
    return listen.call(this, backlog);
  };
  play(async () => {
    const { port } = await up();
    const { UV_EMFILE } = process.binding('uv');
    handle.onconnection(UV_EMFILE, undefined);
    return `after a failed accept: answers ${await fetch(local(port))}`;
  });
}
