'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');

guard();

const heard = [];
cluster.on('setup', (settings) => {
  heard.push(settings.exec);
  if (heard.length === 3) {
    say(`three calls, three events, each with its own exec: ${heard.join(', ')}`, heard);
  }
});
for (const exec of ['a', 'b', 'c']) cluster.setupPrimary({ exec });
