'use strict';
const cluster = require('cluster');
const { spawnSync } = require('child_process');
const { hears, play } = require('./serving');

if (cluster.isWorker) process.send('up');
else if (process.env.BAD) {
  cluster.schedulingPolicy = 7;
  cluster.fork();
} else {
  play(async () => {
    await hears(cluster.fork());
    let late = 'no error, no effect';
    try {
      cluster.schedulingPolicy = cluster.SCHED_NONE;
    } catch (error) {
      late = error.message;
    }
    const env = { ...process.env, BAD: '1' };
    const { stderr } = spawnSync(process.execPath, [__filename], { env, timeout: 5000 });
    const bad = /ERR_\w+/.exec(String(stderr));
    return `set after the first fork: ${late}; set to 7: ${bad ? bad[0] : 'nothing'}`;
  });
}
