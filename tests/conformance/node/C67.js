'use strict';
const cluster = require('cluster');
if (cluster.isPrimary) cluster.schedulingPolicy = cluster.SCHED_NONE;
require('./privileged').run(__filename);
