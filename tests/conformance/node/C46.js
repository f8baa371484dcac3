'use strict';
const cluster = require('cluster');
const { guard, once, say } = require('./telling');

guard();

let sync = true;
cluster.disconnect(() => say(`the callback comes ${sync ? 'at once' : 'later'}`, { sync }));
sync = false;
