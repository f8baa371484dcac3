'use strict';
const cluster = require('cluster');
if (cluster.isPrimary) cluster.schedulingPolicy = cluster.SCHED_NONE;
require('./ipv6only').run();
