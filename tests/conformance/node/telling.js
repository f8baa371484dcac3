'use strict';
// What the scenarios share: one line of JSON at the end, and never more than ten seconds.
const cluster = require('cluster');
const net = require('net');

let told = false;

exports.say = (says, result = {}) => {
  if (told) return;
  told = true;
  process.stdout.write(JSON.stringify({ says, result }) + '\n');
};

exports.guard = (says = 'not over after 10 s', seconds = 10) => {
  setTimeout(() => {
    if (cluster.isPrimary) exports.say(says, 'guard');
    for (const worker of Object.values(cluster.workers || {})) worker.process.kill('SIGKILL');
    process.exit(0);
  }, seconds * 1000).unref();
};

// Resolves when the emitter has emitted; to the argument, or an array of several.
exports.once = (emitter, name) => new Promise((resolve) => {
  emitter.once(name, (...args) => resolve(args.length > 1 ? args : args[0]));
});

exports.pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Everything a server says until it closes; `hung` after some time.
exports.fetch = (where, ms = 2000) => new Promise((resolve) => {
  let heard = '';
  const client = net.connect(where);
  client.setTimeout(ms, () => { client.destroy(); resolve('hung'); });
  client.on('data', (data) => { heard += data; });
  client.on('error', (error) => resolve(error.code));
  client.on('close', () => resolve(heard));
});

exports.isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
