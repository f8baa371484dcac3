'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');

guard();

if (cluster.isWorker) {
  console.log('noise that silent hides');
  process.send(process.argv.slice(2));
} else {
  let setups = 0;
  cluster.on('setup', () => { setups++; });
  cluster.setupPrimary({ args: ['one', 'two'], silent: true });
  const got = [];
  cluster.on('message', (worker, message) => {
    got.push(message.join(' '));
    worker.process.stdout.resume();
    worker.disconnect();
  });
  cluster.fork();
  cluster.fork();
  let gone = 0;
  cluster.on('exit', () => {
    if (++gone < 2) return;
    say(`both workers got "${got[0]}"${got[0] === got[1] ? '' : ' and not'}; ${setups} setups ` +
        `for 1 setupPrimary and 2 forks; settings.args is ${cluster.settings.args.join(' ')}`,
        { got, setups });
  });
}
