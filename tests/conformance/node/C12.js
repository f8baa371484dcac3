'use strict';
const cluster = require('cluster');
const { guard, say } = require('./telling');

guard();

const { id, state, exitedAfterDisconnect } = new cluster.Worker();
say(`id ${id}, state ${state}, exitedAfterDisconnect ${exitedAfterDisconnect}; ` +
    `${cluster.Worker() instanceof cluster.Worker ? 'works' : 'does not work'} without new`);
