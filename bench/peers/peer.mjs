#!/usr/bin/env node
// SPDX-License-Identifier: MIT

// The peer on Node's tls. Node raises the limit of descriptors by itself.
//
// What it cannot do: read into one buffer as a server. `onread` is for those who connect; it saves them a third of
// their time.

import { readFileSync } from 'node:fs';
import tls from 'node:tls';

const REQUEST = 24;
const BROADCAST = 1024;
const MOST = 1 << 20;
const FILL = 1 << 18; // bytes that wait in a socket; Node's own mark, 16 KiB, is advice, and slower
const ECHO = 2;
const SUITES = {
    '1.2': {
        aes128: 'ECDHE-ECDSA-AES128-GCM-SHA256',
        aes256: 'ECDHE-ECDSA-AES256-GCM-SHA384',
        chacha: 'ECDHE-ECDSA-CHACHA20-POLY1305',
    },
    '1.3': {
        aes128: 'TLS_AES_128_GCM_SHA256',
        aes256: 'TLS_AES_256_GCM_SHA384',
        chacha: 'TLS_CHACHA20_POLY1305_SHA256',
    },
};

// What everybody sends.
const content = Buffer.alloc(MOST);

function fail(why, status = 1)
{
    process.stderr.write(`${why}\n`);
    process.exit(status);
}

// ---------------------------------------------------------------- words

function readArguments(words)
{
    const given = { cert: '', key: '', tls: '1.3', cipher: 'aes128', deadline: 1000, port: 0, write: 16384, up: 0,
                    down: 0, requests: 1 };
    for (const word of words) {
        const [name, value] = word.split('=');
        if (!(name in given) || value === undefined)
            fail(`what is ${word}? See bench/README.md`, 64);
        given[name] = typeof given[name] === 'number' ? Number(value) : value;
    }
    return given;
}

function secureOptions(given)
{
    const suite = SUITES[given.tls]?.[given.cipher];
    if (!suite)
        fail('what is this version or suite? See bench/README.md', 64);
    const version = `TLSv${given.tls}`;
    return { minVersion: version, maxVersion: version, ciphers: suite };
}

// ---------------------------------------------------------------- what both sides do

// Sends `left` bytes in pieces of `write`: as many as FILL, and more when all have gone.
class Sender {
    left = 0;
    write = 16384;

    constructor(socket)
    {
        this.socket = socket;
        socket.setNoDelay(true);
        socket.on('drain', () => this.go());
        socket.on('error', () => {}); // 'close' comes after it
    }

    go()
    {
        while (this.left > 0 && this.socket.writable && this.socket.writableLength < FILL) {
            const size = Math.min(this.left, this.write);
            this.left -= size;
            this.socket.write(content.subarray(0, size));
        }
    }

    takeWrite(write)
    {
        if (write > 0)
            this.write = Math.min(write, MOST);
    }
}

// ---------------------------------------------------------------- server

class Connection extends Sender {
    request = Buffer.alloc(REQUEST);
    have = 0;
    toHear = 0;
    echo = false;
    whenGone = null; // who waits for its end

    constructor(socket)
    {
        super(socket);
        socket.on('data', (chunk) => this.heard(chunk));
        socket.on('drain', () => socket.resume());
    }

    heard(chunk)
    {
        let at = 0;
        while (at < chunk.length && !this.echo) {
            const some = Math.min(this.toHear, chunk.length - at);
            this.toHear -= some;
            at += some;
            const copied = chunk.copy(this.request, this.have, at);
            this.have += copied;
            at += copied;
            if (this.have === REQUEST)
                this.begin();
        }
        if (at < chunk.length && this.socket.writable && !this.socket.write(chunk.subarray(at)))
            this.socket.pause();
    }

    begin()
    {
        this.have = 0;
        this.echo = this.request.readUInt32BE(0) === ECHO;
        this.takeWrite(this.request.readUInt32BE(4));
        this.toHear = Number(this.request.readBigUInt64BE(8));
        this.left += Number(this.request.readBigUInt64BE(16));
        this.go();
    }

    // close_notify and the end of the write side; reading goes on to the peer's end.
    end(whenGone)
    {
        this.whenGone = whenGone;
        this.socket.end();
        this.socket.resume();
    }
}

class Server {
    open = new Set();

    constructor(given)
    {
        this.deadline = given.deadline;
        const options = { ...secureOptions(given), cert: readFileSync(given.cert), key: readFileSync(given.key) };
        this.server = tls.createServer(options, (socket) => this.joined(socket));
        this.server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
            say(`port ${this.server.address().port}`);
        });
        process.stdin.on('data', (orders) => orders.toString().split('').forEach((order) => this.obey(order)));
        process.stdin.on('end', () => process.exit(0));
    }

    joined(socket)
    {
        const connection = new Connection(socket);
        this.open.add(connection);
        socket.on('close', () => {
            this.open.delete(connection);
            connection.whenGone?.();
        });
    }

    obey(order)
    {
        if (order === 'n')
            say(`open ${this.open.size}`);
        else if (order === 'b')
            this.tell('broadcast', (each, done) => each.socket.write(content.subarray(0, BROADCAST), done));
        else if (order === 'c')
            this.close();
    }

    // Lets each connection do something, and says when all of it is done.
    tell(word, what)
    {
        const since = performance.now();
        const all = this.open.size;
        let left = all;
        const report = () => say(`${word} ${all} ${(performance.now() - since).toFixed(1)}`);
        if (all === 0)
            report();
        for (const each of this.open)
            what(each, () => --left === 0 && report());
    }

    close()
    {
        const told = [...this.open];
        setTimeout(() => told.forEach((each) => each.socket.destroy()), this.deadline);
        this.tell('closed', (each, done) => each.end(done));
    }
}

function say(line)
{
    process.stdout.write(`${line}\n`);
}

// ---------------------------------------------------------------- client

class Client extends Sender {
    toHear = 0;
    isAsking = false;
    isDone = false;

    constructor(given)
    {
        const onread = { buffer: Buffer.alloc(65536), callback: (size) => this.heard(size) };
        const where = { host: '127.0.0.1', port: given.port, rejectUnauthorized: false, onread };
        super(tls.connect({ ...secureOptions(given), ...where }, () => this.ask()));
        this.given = given;
        this.requests = given.requests;
        this.takeWrite(given.write);
        this.socket.on('drain', () => this.askAgainIfDone());
        this.socket.on('error', (error) => fail(error.message));
        this.socket.on('close', () => this.isDone || fail('the server has ended too early'));
    }

    header()
    {
        const bytes = Buffer.alloc(REQUEST);
        bytes.writeUInt32BE(1, 0);
        bytes.writeUInt32BE(this.write, 4);
        bytes.writeBigUInt64BE(BigInt(this.given.up), 8);
        bytes.writeBigUInt64BE(BigInt(this.given.down), 16);
        return bytes;
    }

    ask()
    {
        if (this.requests-- === 0) {
            this.isDone = true;
            this.socket.end();
            return;
        }
        this.isAsking = true;
        this.left = this.given.up;
        this.toHear = this.given.down;
        this.socket.write(this.header());
        this.go();
        this.askAgainIfDone();
    }

    heard(size)
    {
        this.toHear -= Math.min(this.toHear, size);
        this.askAgainIfDone();
        return true; // on with it
    }

    askAgainIfDone()
    {
        if (!this.isAsking || this.left > 0 || this.toHear > 0)
            return;
        this.isAsking = false;
        queueMicrotask(() => this.ask());
    }
}

const [what, ...words] = process.argv.slice(2);
if (what === 'serve')
    new Server(readArguments(words));
else if (what === 'client')
    new Client(readArguments(words));
else
    fail('serve or client? See bench/README.md', 64);
