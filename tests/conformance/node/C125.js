'use strict';
const { fork } = require('child_process');
const net = require('net');
const { once } = require('./telling');
const { client, play } = require('./serving');

if (process.send) {
  const server = net.createServer({ pauseOnConnect: true }, (socket) => {
    server.close();
    process.send('take', socket);
  });
  server.listen(0, '127.0.0.1', () => process.send(server.address().port));
} else {
  play(async () => {
    const child = fork(__filename);
    const port = await once(child, 'message');
    const one = await client(port[0] || port);
    one.write('hello');
    const [, socket] = await once(child, 'message');
    let heard = '';
    socket.on('data', (data) => { heard += data; });
    socket.resume();
    const over = once(socket, 'end');
    one.end(' and bye');
    await over;
    socket.end();
    child.kill('SIGKILL');
    return `sent from child to parent, a connection carries "${heard}" and its end`;
  });
}
