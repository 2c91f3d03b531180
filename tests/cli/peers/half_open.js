// SPDX-License-Identifier: MIT
// A Node peer that half-closes: half_open.js server CERT KEY 1.2|1.3 REPLY DELAY  |  client PORT CA 1.2|1.3 REQUEST
// server: reads to the other side's end, waits DELAY seconds, sends the file REPLY, ends. Prints what it heard.
// client: sends the file REQUEST, ends, and copies the reply to standard output.
'use strict';
const fs = require('fs');
const tls = require('tls');

const [role, ...rest] = process.argv.slice(2);

function version(name) {
    return { minVersion: 'TLSv' + name, maxVersion: 'TLSv' + name };
}

function hear(socket, then) {
    let count = 0;
    socket.on('data', (data) => { count += data.length; });
    socket.on('end', () => then(count));
    socket.on('error', (error) => { console.log('error ' + error.code); process.exitCode = 1; });
}

function serve(cert, key, tlsVersion, reply, delay) {
    const options = { cert: fs.readFileSync(cert), key: fs.readFileSync(key), allowHalfOpen: true, ...version(tlsVersion) };
    const server = tls.createServer(options, (socket) => {
        server.close();
        hear(socket, (count) => {
            console.log('heard ' + count);
            setTimeout(() => socket.end(fs.readFileSync(reply)), delay * 1000);
        });
    });
    server.listen(0, '127.0.0.1');
}

function ask(port, ca, tlsVersion, request) {
    const options = { port: Number(port), host: '127.0.0.1', servername: 'localhost', ca: fs.readFileSync(ca), allowHalfOpen: true,
        ...version(tlsVersion) };
    const socket = tls.connect(options, () => socket.end(fs.readFileSync(request)));
    socket.on('error', (error) => { console.error('error ' + error.code); process.exitCode = 1; });
    socket.pipe(process.stdout);
}

if (role === 'server') {
    serve(rest[0], rest[1], rest[2], rest[3], Number(rest[4]));
} else {
    ask(rest[0], rest[1], rest[2], rest[3]);
}
