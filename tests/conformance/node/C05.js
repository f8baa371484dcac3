'use strict';
const cluster = require('cluster');
const { guard, once, say } = require('./telling');

guard();

let sync = true;
cluster.once('setup', ({ silent, exec }) => {
  const merged = silent === true && exec === process.argv[1];
  say(`setup comes ${sync ? 'at once' : 'later'}, with ${merged ? 'the merged' : 'other'} settings`,
      { sync });
});
cluster.setupPrimary({ silent: true });
sync = false;
