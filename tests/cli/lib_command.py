# SPDX-License-Identifier: MIT
"""What all tests of the command share: the program, a way to run it, a small authority, ports, and rude peers.

Every wait here has a bound. A test asks for the fixtures that it needs:

    adieu     path of the program (environment variable ADIEU, or build/adieu)
    run       run(*args, input=b"") -> Result                     one command, from start to end
    start     start(*args, input=b"") -> Command                  one command, left running; killed at the test's end
    listen    listen(*args, input=b"") -> Command                 `adieu listen 127.0.0.1:0 ...`, once it listens: .port .pin
    connect   connect(command_or_port, *args, input=b"") -> Result    `adieu connect`, trusting the listener's pin
    pair      pair(connect=[..], listen=[..], up=b"", down=b"") -> (Result, Result)
    pki       Authority: .ca (file), .server and .client (Identity: .cert .key), .issue(name, ...) for more
    raw_peer  raw_peer(function) -> port                          function(socket) serves one TCP connection in a thread

Result and Command give .exit (negative: died by that signal), .out and .err (bytes; err as text), .report (dict, None if none).
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

# Whoever runs us in the background has SIGINT ignored, which processes inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = pathlib.Path(__file__).resolve().parents[2]
BOUND = float(os.environ.get("ADIEU_TEST_BOUND", "60"))


def program():
    return os.environ.get("ADIEU") or str(ROOT / "build" / "adieu")


class Result:
    def __init__(self, args, exit_status, out, err, report):
        self.args, self.exit, self.out, self.err, self.report = args, exit_status, out, err, report

    def __repr__(self):
        out = self.out if len(self.out) < 200 else b"%d bytes" % len(self.out)
        return f"<{' '.join(self.args[1:])}: exit {self.exit}, out {out!r}, err {self.err!r}, report {self.report}>"


class Command:
    """A running command. Its output is collected by threads, so that nothing blocks on a full pipe."""

    def __init__(self, args, folder, input=b"", env=None, report=True, stdout=None, stdin=None, preexec=None):
        self.args = [str(a) for a in args]
        self.report_path = None
        if report:
            self.report_path = folder / f"report-{time.monotonic_ns()}.json"
            self.args.append(f"--report={self.report_path}")
        environment = {k: v for k, v in os.environ.items() if k not in ("SSLKEYLOGFILE", "SSL_CERT_FILE", "SSL_CERT_DIR")}
        environment.update(env or {})
        self.process = subprocess.Popen(
            self.args, env=environment, preexec_fn=preexec,
            stdin=subprocess.PIPE if stdin is None else stdin,
            stdout=subprocess.PIPE if stdout is None else stdout,
            stderr=subprocess.PIPE)
        self.pid = self.process.pid
        self.stdin = self.process.stdin
        self._out, self._err = bytearray(), bytearray()
        self._grown = threading.Condition()
        self._threads = []
        if self.process.stdout:
            self._collect(self.process.stdout, self._out)
        self._collect(self.process.stderr, self._err)
        if self.stdin and input is not None:  # input=None: the test writes to .stdin itself
            self._thread(self._feed, input)

    def _thread(self, function, *args):
        thread = threading.Thread(target=function, args=args, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _feed(self, data):
        try:
            for chunk in [data] if isinstance(data, (bytes, bytearray)) else data:
                self.stdin.write(chunk)
                self.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass
        finally:
            try:
                self.stdin.close()
            except (BrokenPipeError, OSError):
                pass

    def _collect(self, pipe, into):
        def pump():
            while chunk := os.read(pipe.fileno(), 1 << 16):
                with self._grown:
                    into.extend(chunk)
                    self._grown.notify_all()
            with self._grown:
                self._grown.notify_all()
        self._thread(pump)

    @property
    def out(self):
        return bytes(self._out)

    @property
    def err(self):
        return bytes(self._err).decode("utf-8", "replace")

    def wait_err(self, pattern, timeout=BOUND):
        """Waits until standard error shows the regular expression; returns the match."""
        return self._wait_for(lambda: re.search(pattern, self.err), f"stderr never showed {pattern!r}", timeout)

    def wait_out(self, count, timeout=BOUND):
        """Waits until that many bytes came out; returns all that did."""
        return self._wait_for(lambda: len(self._out) >= count and self.out, f"stdout never had {count} bytes", timeout)

    def _wait_for(self, condition, complaint, timeout):
        end = time.monotonic() + timeout
        with self._grown:
            while not (found := condition()):
                left = end - time.monotonic()
                gone = self.process.poll() is not None and not any(t.is_alive() for t in self._threads)
                if left <= 0 or gone:
                    raise AssertionError(f"{complaint}; exit {self.process.poll()}, stderr: {self.err!r}")
                self._grown.wait(min(left, 0.2))
            return found

    def signal(self, number):
        os.kill(self.pid, number)

    def wait(self, timeout=BOUND):
        """Waits for its end and gives the Result."""
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running after {timeout} s: {self.args}, stderr: {self.err!r}") from None
        for thread in self._threads:
            thread.join(5)
        return Result(self.args, status, self.out, self.err, self._read_report())

    def _read_report(self):
        if not self.report_path or not self.report_path.exists():
            return None
        text = self.report_path.read_text()
        if not text:
            return None
        assert text.endswith("\n") and text.count("\n") == 1, f"a report is one line: {text!r}"
        return json.loads(text)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(5)


class Identity:
    def __init__(self, cert, key):
        self.cert, self.key = str(cert), str(key)


def openssl(*args, **kw):
    """Runs the openssl command; returns its output."""
    return subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, timeout=60, **kw).stdout


class Authority:
    """A certificate authority made with the openssl command. Keys are P-256."""

    def __init__(self, folder, name="adieu test authority"):
        self.folder = folder
        self.ca, self.ca_key = str(folder / "ca.pem"), str(folder / "ca.key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.ca_key,
                "-out", self.ca, "-days", "30", "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE")
        self.server = self.issue("localhost", "DNS:localhost,IP:127.0.0.1,IP:::1")
        self.client = self.issue("client")

    def issue(self, name, alternative=None, days=30, rsa=False):
        """A certificate for name (alternative: subjectAltName, default DNS:name), signed by this authority; days may be negative."""
        base = self.folder / f"{re.sub('[^a-z0-9]', '-', name.lower())}-{time.monotonic_ns()}"
        key, request, cert, extension = (f"{base}.{e}" for e in ("key", "csr", "pem", "ext"))
        kind = ["rsa:2048"] if rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        openssl("req", "-newkey", *kind, "-nodes", "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        pathlib.Path(extension).write_text(f"subjectAltName={alternative or 'DNS:' + name}\n")
        start = ["-days", str(days)] if days > 0 else ["-not_after", "20200101000000Z"]
        if days > 0:
            openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.ca_key, "-CAcreateserial", "-out", cert,
                    "-extfile", extension, *start)
        else:  # x509 cannot date back; the small authority of `openssl ca` can
            self._issue_expired(request, cert, extension)
        return Identity(cert, key)

    def _issue_expired(self, request, cert, extension):
        folder = pathlib.Path(cert + ".d")
        folder.mkdir()
        (folder / "index.txt").write_text("")
        (folder / "serial").write_text("01\n")
        (folder / "ca.cnf").write_text(
            "[ca]\ndefault_ca=d\n[d]\n" f"database={folder}/index.txt\nserial={folder}/serial\nnew_certs_dir={folder}\n"
            "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n")
        openssl("ca", "-batch", "-notext", "-config", folder / "ca.cnf", "-cert", self.ca, "-keyfile", self.ca_key, "-in", request,
                "-out", cert, "-startdate", "20190101000000Z", "-enddate", "20200101000000Z", "-extfile", extension)

    def encrypted_key(self, identity, password):
        """A copy of the identity's key, encrypted."""
        path = f"{identity.key}-{time.monotonic_ns()}.enc"
        openssl("pkey", "-in", identity.key, "-aes256", "-passout", f"pass:{password}", "-out", path)
        return path

    def pin(self, identity):
        """The pin (64 hex digits) of the identity's key."""
        public = openssl("x509", "-in", identity.cert, "-noout", "-pubkey")
        der = openssl("pkey", "-pubin", "-outform", "DER", input=public)
        return openssl("dgst", "-sha256", "-r", input=der).decode().split()[0]


def free_port(host="127.0.0.1"):
    """A TCP port that nobody listens on just now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as s:
        s.bind((host, 0))
        return s.getsockname()[1]


def wait_port(port, host="127.0.0.1", timeout=BOUND):
    """Waits until something listens there, without connecting (which a one-connection server would take for its client)."""
    want = f":{port:04X} "
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            for line in pathlib.Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and (fields[1] + " ").endswith(want):
                    return
        time.sleep(0.02)
    raise AssertionError(f"nothing listens on {host}:{port}")


def random_bytes(count, seed=1):
    """The same bytes every time; quick also for many megabytes."""
    import random
    return random.Random(seed).randbytes(count)


@pytest.fixture(scope="session")
def adieu():
    path = program()
    if not os.access(path, os.X_OK):
        pytest.exit(f"{path} is missing: build it first (./dev build), or name it in the environment variable ADIEU", 1)
    return path


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("pki"))


@contextlib.contextmanager
def all_killed():
    """A list for commands: those that still run at the end are killed."""
    running = []
    try:
        yield running
    finally:
        for command in running:
            command.kill()


@pytest.fixture
def start(adieu, tmp_path):
    """start("connect", ...) -> Command. All that still run at the test's end are killed."""
    with all_killed() as running:

        def do(*args, **kw):
            running.append(Command([adieu, *args], tmp_path, **kw))
            return running[-1]

        yield do


@pytest.fixture
def run(start):
    def do(*args, timeout=BOUND, **kw):
        return start(*args, **kw).wait(timeout)

    return do


@pytest.fixture
def listen(start):
    """`adieu listen 127.0.0.1:0`, waited for until it listens. .port; .pin (None with --cert); .address ("127.0.0.1:4711")."""

    def do(*args, where="127.0.0.1:0", **kw):
        command = start("listen", *([where] if where else []), *args, **kw)
        command.address = command.wait_err(r"listening on (\S+)").group(1)
        command.port = int(command.address.rpartition(":")[2]) if where else None
        command.pin = None
        if not any(str(a).startswith("--cert") for a in args):
            command.pin = command.wait_err(r"--pin ([0-9a-f]{64})").group(1)
        return command

    return do


@pytest.fixture
def connect(run):
    """`adieu connect` to a listener (Command of `listen`, trusted by its pin) or to a port (say yourself whom to trust)."""

    def do(to, *args, **kw):
        if isinstance(to, int):
            return run("connect", f"127.0.0.1:{to}", *args, **kw)
        trust = ["--pin", to.pin] if to.pin else []
        return run("connect", to.address, *trust, *args, **kw)

    return do


@pytest.fixture
def pair(listen, connect):
    """One conversation between connect and listen: up goes from connect to listen, down the other way. -> their Results."""

    def do(connect_args=(), listen_args=(), up=b"", down=b"", timeout=BOUND):
        server = listen(*listen_args, input=down)
        client = connect(server, *connect_args, input=up, timeout=timeout)
        return client, server.wait(timeout)

    return do


@pytest.fixture
def raw_peer():
    """raw_peer(function) -> port of a TCP server that calls function(socket) for one connection, in a thread."""
    opened = []

    def do(function):
        server = socket.create_server(("127.0.0.1", 0))
        server.settimeout(BOUND)
        opened.append(server)

        def serve():
            try:
                connection, _ = server.accept()
            except OSError:
                return
            connection.settimeout(BOUND)
            with connection:
                try:
                    function(connection)
                except OSError:
                    pass

        threading.Thread(target=serve, daemon=True).start()
        return server.getsockname()[1]

    yield do
    for server in opened:
        server.close()


def reset(connection):
    """Closes a socket with a reset."""
    import struct
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


SIGNALS = (signal.SIGINT, signal.SIGTERM)
