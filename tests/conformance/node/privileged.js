'use strict';
// C66 and C67: the same under both policies, without the right to bind low ports.
const cluster = require('cluster');
const { spawnSync } = require('child_process');
const fs = require('fs');
const { say } = require('./telling');
const { greeter, hears, outcome, play } = require('./serving');

exports.run = (file) => {
  const first = Number(fs.readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start'));
  if (cluster.isWorker) {
    outcome(greeter().listen(first - 1, '127.0.0.1')).then((got) => process.send(got));
  } else if (first < 2) {
    say('not measured: every user may bind every port here');
  } else if (process.getuid() === 0 && !process.env.DROPPED) {
    const way = ['--bounding-set', '-net_bind_service', '--inh-caps', '-net_bind_service'];
    spawnSync('setpriv', [...way, process.execPath, file], {
      env: { ...process.env, DROPPED: '1' }, stdio: 'inherit', timeout: 8000,
    });
  } else {
    play(async () => `the worker gets ${await hears(cluster.fork())}`);
  }
};
