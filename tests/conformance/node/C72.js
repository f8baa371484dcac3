'use strict';
require('./ipv6only').run();
