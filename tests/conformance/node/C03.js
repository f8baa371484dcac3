'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');

guard();

process.argv.push('late');
cluster.setupPrimary();
say(`an argument added before setupPrimary is in args: ${cluster.settings.args.join(' ')}`,
    { args: cluster.settings.args });
