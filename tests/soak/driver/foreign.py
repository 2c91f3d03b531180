# SPDX-License-Identifier: MIT
"""
The command, and other people's TLS, beside our programs: in a thread, one short conversation after the other, each checked. Whoever is not
installed is left out.
"""
import json
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time

import programs
from truth import Lie

WORDS = b"".join(b"line %d of what is said\n" % number for number in range(400))
PAGE = "printf 'HTTP/1.0 200 OK\\r\\n\\r\\nhello\\n'"


class Foreign:
    def __init__(self, adieu, folder, ports):
        self.adieu, self.folder, self.ports = adieu, folder, ports
        self.listeners = {}  # name: port
        self.done = {}  # what: how often
        self.trouble = None
        self.may_go, self.stopped = threading.Lock(), threading.Event()  # who holds the lock has quiet
        self.turn, self.resting = 0, False
        self.thread = threading.Thread(target=self.work, daemon=True)

    def file(self, name):
        return str(self.folder / name)

    def rest(self):
        """Nothing begins from here on; False: what began does not end."""
        self.resting = self.may_go.acquire(timeout=70)
        return self.resting

    def go_on(self):
        self.resting = False
        self.may_go.release()

    # ------------------------------------------------ who listens all the time

    def commands(self):
        """(name, command, whether it is ours). Their ports are found in port_of()."""
        identity = [f"--cert={self.file('server.pem')}", f"--key={self.file('server-key.pem')}"]
        listen = [self.adieu, "listen", "127.0.0.1:0", "--keep", "--verbose", *identity]
        yield "adieu listen, cat", [*listen, f"--report={self.file('endings.jsonl')}", "--exec=cat"], True
        yield "adieu listen, a page", [*listen, "--until=self", "--exec", PAGE], True
        if shutil.which("openssl"):
            yield "openssl s_server", ["openssl", "s_server", "-accept", "127.0.0.1:0", "-rev", "-cert", self.file("server.pem"),
                                       "-key", self.file("server-key.pem")], False

    def listening(self, name, program):
        """Waits until it has said its port."""
        by = time.monotonic() + 10
        while time.monotonic() < by:
            program.check()
            found = re.search(r"127\.0\.0\.1:([1-9]\d*)", program.last_words())
            if found:
                self.listeners[name] = int(found[1])
                return
            time.sleep(0.05)
        raise programs.Broken(f"{name} named no port{program.last_words()}")

    # ------------------------------------------------ conversations

    def connect(self, port, *options, data=WORDS):
        command = [self.adieu, "connect", f"127.0.0.1:{port}", f"--ca={self.file('roots.pem')}", "--name=localhost", "--quiet", *options]
        return subprocess.run(command, input=data, capture_output=True, timeout=60)

    def ended(self, before):
        """The next line of the listener's report."""
        by = time.monotonic() + 20
        while time.monotonic() < by:
            lines = open(self.file("endings.jsonl"), encoding="utf-8").read().splitlines()
            if len(lines) > before:
                return json.loads(lines[-1])
            time.sleep(0.02)
        raise Lie("adieu listen --keep wrote no report of a connection")

    def with_command(self, tls, end, statuses, receiving):
        try:
            before = len(open(self.file("endings.jsonl"), encoding="utf-8").read().splitlines())
        except FileNotFoundError:
            before = 0
        done = self.connect(self.listeners["adieu listen, cat"], f"--max={tls}", f"--end={end}")
        report = self.ended(before)
        what = f"adieu connect --end={end}, TLS {tls}"
        if done.returncode not in statuses:
            raise Lie(f"{what}: status {done.returncode}, none of {statuses}")
        if end == "clean" and done.stdout != WORDS:
            raise Lie(f"{what}: {len(done.stdout)} bytes came back of {len(WORDS)}")
        told = report.get("receiving")
        told = told.get("state", told) if isinstance(told, dict) else told
        if told not in receiving:
            raise Lie(f"{what}: the listener's report says {told}: {report}")
        return what

    def with_our_server(self, kind, tls):
        done = self.connect(self.ports[kind], f"--max={tls}")
        if done.returncode != 0 or done.stdout != WORDS:
            raise Lie(f"adieu connect with the {kind} server, TLS {tls}: status {done.returncode}, {len(done.stdout)} bytes of {len(WORDS)}")
        return "adieu connect with our servers"

    def with_python(self, kind, tls, polite):
        context = ssl.create_default_context(cafile=self.file("roots.pem"))
        context.maximum_version = ssl.TLSVersion.TLSv1_3 if tls == "1.3" else ssl.TLSVersion.TLSv1_2
        with socket.create_connection(("127.0.0.1", self.ports[kind]), 20) as plain:
            wrapped = context.wrap_socket(plain, server_hostname="localhost")
            wrapped.sendall(WORDS)
            came = b""
            while len(came) < len(WORDS) and (piece := wrapped.recv(65536)):
                came += piece
            if polite:
                wrapped.unwrap()
            wrapped.close()
        if came != WORDS:
            raise Lie(f"Python with the {kind} server: {len(came)} bytes came back of {len(WORDS)}")
        return "Python's ssl with our servers" + ("" if polite else ", rude")

    @staticmethod
    def leaves(*command):
        """These leave when their input ends, whatever is still to come: what they make of it says nothing of us."""
        subprocess.run(command, input=WORDS, capture_output=True, timeout=60, check=False)

    def with_s_client(self, kind, tls):
        self.leaves("openssl", "s_client", "-connect", f"127.0.0.1:{self.ports[kind]}", "-CAfile", self.file("roots.pem"), "-verify_return_error",
                    "-servername", "localhost", "-tls" + tls.replace(".", "_"), "-quiet", "-no_ign_eof", "-nocommands")
        return "openssl s_client with our servers"

    def with_gnutls(self, kind):
        self.leaves("gnutls-cli", "-p", str(self.ports[kind]), "--x509cafile", self.file("roots.pem"), "--logfile=/dev/null", "localhost")
        return "gnutls-cli with our servers"

    def with_s_server(self):
        done = self.connect(self.listeners["openssl s_server"], data=b"abc\n")
        if not done.stdout.startswith(b"cba") or done.returncode not in (0, 3, 4):
            raise Lie(f"adieu connect with openssl s_server: status {done.returncode}, {done.stdout!r}")
        return "adieu connect with openssl s_server"

    def with_curl(self):
        place = f"https://localhost:{self.listeners['adieu listen, a page']}/"
        done = subprocess.run(["curl", "--silent", "--max-time", "20", "--cacert", self.file("roots.pem"), place], capture_output=True, timeout=60)
        if done.returncode != 0 or done.stdout != b"hello\n":
            raise Lie(f"curl with adieu listen: status {done.returncode}, {done.stdout!r} {done.stderr[-200:]!r}")
        return "curl with adieu listen"

    def conversations(self):
        for tls in ("1.3", "1.2"):
            yield lambda tls=tls: self.with_command(tls, "clean", [0], ["closed"])
            yield lambda tls=tls: self.with_command(tls, "cut", [1, 3, 4], ["truncated", "reset"])
            yield lambda tls=tls: self.with_command(tls, "reset", [1, 4], ["reset"])
            yield lambda tls=tls: self.with_command(tls, "alert", [6], ["alerted"])
            for kind in self.ports:
                yield lambda kind=kind, tls=tls: self.with_our_server(kind, tls)
                yield lambda kind=kind, tls=tls: self.with_python(kind, tls, True)
                yield lambda kind=kind, tls=tls: self.with_python(kind, tls, False)
                if shutil.which("openssl"):
                    yield lambda kind=kind, tls=tls: self.with_s_client(kind, tls)
                if shutil.which("gnutls-cli"):
                    yield lambda kind=kind: self.with_gnutls(kind)
            if "openssl s_server" in self.listeners:
                yield self.with_s_server
            if shutil.which("curl") and "adieu listen, a page" in self.listeners:
                yield self.with_curl

    def work(self):
        everything = list(self.conversations())
        while not self.stopped.wait(0.7):
            with self.may_go:
                if self.stopped.is_set():
                    return
                try:
                    what = everything[self.turn % len(everything)]()
                except (Lie, OSError, ssl.SSLError, subprocess.SubprocessError) as error:
                    self.trouble = self.trouble or f"{type(error).__name__}: {error} {(getattr(error, 'stderr', None) or b'')[-300:]!r}"
                    return
                self.turn += 1
                self.done[what] = self.done.get(what, 0) + 1

    def stop(self):
        self.stopped.set()
        if self.resting:
            self.go_on()
        if self.thread.is_alive():
            self.thread.join(70)
