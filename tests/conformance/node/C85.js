'use strict';
const cluster = require('cluster');
const tls = require('tls');
const { play, ups } = require('./serving');

// Needs no certificate.
const common = { ciphers: 'AECDH-AES128-SHA:@SECLEVEL=0', maxVersion: 'TLSv1.2' };
if (cluster.isWorker) {
  tls.createServer(common, (socket) => socket.end(String(cluster.worker.id)))
    .listen(0, '127.0.0.1');
} else {
  play(async () => {
    const [{ port }] = await ups(2);
    const workers = new Set();
    let session;
    let resumed = 0;
    const visit = () => new Promise((resolve, reject) => {
      const client = tls.connect({
        ...common, port, host: '127.0.0.1', session,
        rejectUnauthorized: false, checkServerIdentity: () => undefined,
      }, () => {
        resumed += client.isSessionReused();
        session = session || client.getSession();
      });
      client.on('data', (data) => workers.add(String(data)));
      client.on('error', reject);
      client.on('close', resolve);
    });
    for (let i = 0; i < 8; i++) await visit();
    return [`${resumed} of 7 sessions resumed, on ${workers.size} workers`, { resumed }];
  });
}
