'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');

guard();

const before = Object.keys(cluster.settings).length;
cluster.setupPrimary();
const plain = { ...cluster.settings };
cluster.setupPrimary({ exec: 'other.js' });
cluster.setupPrimary({ args: ['a'] });
cluster.setupPrimary();
const { exec, args, silent } = cluster.settings;
const defaults = plain.exec === process.argv[1] && plain.silent === false;
cluster.setupPrimary({ exec: undefined });
say(`${before} keys at first; ${defaults ? 'defaults' : 'no defaults'} after; then ${exec}, ` +
    `${args}, silent ${silent}; undefined overrides: exec ${cluster.settings.exec}`,
    { before, exec, args, silent });
