'use strict';
require('./privileged').run(__filename);
