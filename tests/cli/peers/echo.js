// SPDX-License-Identifier: MIT
// A Node server that gives everything back: echo.js CERT KEY 1.2|1.3. One connection; the other side's end is its own.
'use strict';
const fs = require('fs');
const tls = require('tls');

const [cert, key, version] = process.argv.slice(2);
const options = { cert: fs.readFileSync(cert), key: fs.readFileSync(key), minVersion: 'TLSv' + version, maxVersion: 'TLSv' + version };
const server = tls.createServer(options, (socket) => {
    server.close();
    socket.on('error', () => { process.exitCode = 1; });
    socket.pipe(socket);
});
server.listen(0, '127.0.0.1');
