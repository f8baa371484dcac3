'use strict';
const cluster = require('cluster');
const fs = require('fs');
const http = require('http');
const { once } = require('./telling');
const { play, up } = require('./serving');

if (cluster.isWorker) {
  http.createServer((request, response) => {
    response.end(`peer ${request.socket.remoteAddress}`);
  }).listen('./http.sock');
} else {
  play(async () => {
    await up();
    const request = http.get({ socketPath: './http.sock', agent: false });
    const response = await once(request, 'response');
    const said = String(await once(response, 'data'));
    fs.rmSync('http.sock');
    return `status ${response.statusCode}, ${said}`;
  });
}
