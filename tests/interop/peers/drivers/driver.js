// SPDX-License-Identifier: MIT
// driver.js ROLE PORT VERSION CA CERT KEY ASK DATA GOT STEP...: a TLS peer on node:tls; see grammar.py for the steps.
'use strict';
const fs = require('fs');
const net = require('net');
const tls = require('tls');

const [role, port, version, ca, cert, key, ask, dataPath, gotPath, ...steps] = process.argv.slice(2);
const server = role === 'server';
const data = fs.readFileSync(dataPath);
const got = fs.openSync(gotPath, 'w');
const say = (...words) => fs.writeSync(1, words.join(' ') + '\n');
const options = {
    ca: fs.readFileSync(ca),
    minVersion: `TLSv${version}`, maxVersion: `TLSv${version}`,
    requestCert: ask === 'ask' || !server, rejectUnauthorized: ask === 'ask' || !server,
    servername: 'localhost', allowHalfOpen: true,
    ...(cert === '-' ? {} : { cert: fs.readFileSync(cert), key: fs.readFileSync(key) }),
};
let sent = 0, received = 0;

function giveUp(error) {
    say('failed', `${error.code || ''} ${error.message}`.trim().replace(/\s+/g, ' '));
    process.exit(0);
}

// The rest of a read that was begun elsewhere would lose bytes, so one reader serves all steps.
function hear(secure, limit) {
    return new Promise((resolve) => {
        const finish = (ended) => {
            secure.removeListener('readable', take);
            secure.removeListener('end', end);
            resolve(ended);
        };
        const end = () => finish(true);
        const take = () => {
            let chunk;
            while (received < limit && (chunk = secure.read()) !== null) {
                fs.writeSync(got, chunk);
                received += chunk.length;
            }
            if (received >= limit) finish(false);
        };
        secure.on('readable', take);
        secure.on('end', end);
        if (secure.readableEnded) end(); else take();
    });
}

const perform = {
    send: (secure, _, count) => new Promise((resolve) => {
        secure.write(data.subarray(sent, sent += count), resolve);
    }),
    recv: (secure, _, count) => hear(secure, count),
    read: async (secure) => { if (await hear(secure, Infinity)) say("end 'end' event"); },
    stall: (_, __, count) => new Promise((resolve) => setTimeout(resolve, count)),
    half: (secure) => new Promise((resolve) => secure.end(resolve)),
    close: (secure) => new Promise((resolve) => secure.end(() => { secure.destroy(); resolve(); })),
    cut: (_, raw) => raw.destroy(),
    reset: (_, raw) => raw.resetAndDestroy(),
};
perform.reply = perform.send;

async function play(secure, raw) {
    for (const step of steps) {
        const [word, count] = step.split(':');
        await perform[word](secure, raw, Number(count || 0));
    }
    process.exit(0);
}

if (server) {
    // A TLS socket on a raw one, so that "cut" and "reset" have something to act on.
    const listener = net.createServer({ allowHalfOpen: true }, (raw) => {
        const secure = new tls.TLSSocket(raw, { isServer: true, ...options });
        secure.on('error', giveUp);
        secure.once('secure', () => {
            const refused = options.rejectUnauthorized && secure.ssl.verifyError();
            if (refused) { // what tls.Server does; its TLS layer has no way to send the alert then
                secure.destroy();
                giveUp(refused);
            }
            play(secure, raw);
        });
    });
    listener.listen(0, '127.0.0.1', () => say('port', listener.address().port));
} else {
    const raw = net.connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true });
    raw.on('error', giveUp);
    const secure = tls.connect({ socket: raw, ...options }, () => play(secure, raw));
    secure.on('error', giveUp);
}
