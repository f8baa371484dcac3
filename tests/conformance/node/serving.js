'use strict';
// What the scenarios with servers share.
const cluster = require('cluster');
const net = require('net');
const { guard, say } = require('./telling');

guard();
const forked = [];
cluster.on('fork', (worker) => forked.push(worker));

const exits = (worker) => new Promise((resolve) => {
  if (worker.isDead()) resolve();
  else worker.process.once('exit', (code, signal) => resolve(signal || code));
});
exports.exits = exits;

// In the primary: says what a scene returns, and ends the workers.
exports.play = async (scene) => {
  let said;
  try {
    said = [].concat(await scene());
  } catch (error) {
    said = [`failed: ${error.code || error.message}`];
  }
  say(...said);
  const left = forked.filter((worker) => worker.process.pid && !worker.isDead());
  const gone = left.map(exits);
  for (const worker of left) worker.process.kill('SIGKILL');
  await Promise.all(gone);
  process.exit(0);
};

// Forks a worker that listens.
const up = (env) => new Promise((resolve) => {
  const worker = cluster.fork(env);
  worker.once('listening', (info) => resolve({ worker, info, port: info.port }));
});
exports.up = up;
exports.ups = (count, env) => Promise.all(Array.from({ length: count }, () => up(env)));

// What a worker sends next.
exports.hears = (worker) => new Promise((resolve) => worker.once('message', resolve));

// In a worker: a server that says the worker's number, and closes.
exports.greeter = () => net.createServer((socket) => {
  socket.on('error', () => {});
  socket.end(String(cluster.worker.id));
});

// Whether a server or a socket could be bound.
exports.outcome = (server) => new Promise((resolve) => {
  server.once('listening', () => resolve('listening'));
  server.once('error', (error) => resolve(error.code));
});

exports.freePort = () => new Promise((resolve) => {
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

// A client that is connected; collects what it hears.
exports.client = (port, host = '127.0.0.1') => new Promise((resolve, reject) => {
  const socket = net.connect(port, host);
  socket.heard = '';
  socket.on('data', (data) => { socket.heard += data; });
  socket.once('connect', () => resolve(socket));
  socket.on('error', reject);
});

exports.local = (port) => ({ port, host: '127.0.0.1' });
