# SPDX-License-Identifier: MIT
"""The command as a pipe: what is written into one end comes out of the other. CPU time of the two commands, on one core."""
import contextlib
import itertools
import socket
import subprocess
import time

import roster
from bytes_moved import GB, net, start_costs
from processes import MEASURED, OTHER, Unable, running
from rounds import run_case
from talks import present

TITLE = "The command as a pipe"
SECONDS = 30
BYTES = 256 * 2**20
PORTS = itertools.count(21000)  # below those that the kernel gives to clients; each once, since a port rests after its use

# All of them stand on libssl, which reads this: one suite for all, and no option of any that differs.
SUITE = """\
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = tls
[tls]
MinProtocol = TLSv1.3
Ciphersuites = TLS_AES_128_GCM_SHA256
"""


def adieu(place, port):
    program = str(place.build / "adieu")
    return ([program, "listen", "-q", f"127.0.0.1:{port}", "--cert", str(place.cert), "--key", str(place.key)],
            [program, "connect", "-q", f"127.0.0.1:{port}", "--ca", str(place.cert), "--name", "localhost"])


def openssl_pipe(place, port):
    """Without -nocommands a line of data that begins with Q or R is an order."""
    return (["openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-naccept", "1", "-cert", str(place.cert), "-key", str(place.key)],
            ["openssl", "s_client", "-quiet", "-no_ign_eof", "-nocommands", "-connect", f"127.0.0.1:{port}", "-CAfile", str(place.cert)])


def socat(place, port, more=()):
    return (["socat", *more, "-t", "30", f"OPENSSL-LISTEN:{port},bind=127.0.0.1,cert={place.cert},key={place.key},verify=0", "-"],
            ["socat", *more, "-t", "30", "-", f"OPENSSL:127.0.0.1:{port},cafile={place.cert},commonname=localhost"])


def socat_64(place, port):
    return socat(place, port, ("-b", "65536"))


def ncat(place, port):
    """With --send-only it may lose the end of what it sent, and exits with 0."""
    return (["ncat", "--ssl", "--ssl-cert", str(place.cert), "--ssl-key", str(place.key), "-l", "127.0.0.1", str(port)],
            ["ncat", "--ssl", "127.0.0.1", str(port)])


COMMANDS = {"adieu": adieu, "openssl_pipe": openssl_pipe, "socat": socat, "socat_64": socat_64, "ncat": ncat}
# As servers: s_server asks again and again for more when its input has ended, ncat ends the connection. Theirs is silent instead.
SILENT_INPUT = {"openssl_pipe", "ncat"}


def measure(place, seconds):
    names = list(roster.PIPES)
    (place.folder / "openssl.cnf").write_text(SUITE)
    size = place.size(BYTES)
    subprocess.run(["dd", "if=/dev/urandom", f"of={place.folder / 'input'}", "bs=65536", f"count={size // 65536}"],
                   check=True, timeout=60, stderr=subprocess.DEVNULL)
    (place.folder / "byte").write_bytes(b"x")
    for source in ("pipe", "file"):
        yield measure_case(place, names, size // 65536 * 65536, source, seconds / 2)


def measure_case(place, names, size, source, seconds):
    def run(name, file, size):
        sent, received = through(place, name, file, size, source)
        return {"client": sent, "server": received}

    start = start_costs(names, lambda name: run(name, "byte", 1), place.rounds(3)[0])

    def measure_pipe(name):
        cost = present(start[name])
        own = {side: net(cpu, cost[side]) / (size / GB) for side, cpu in run(name, "input", size).items()}
        return {"cpu_s_per_gb": sum(own.values()), "client_s_per_gb": own["client"], "server_s_per_gb": own["server"]}

    return run_case(names, measure_pipe, seconds * 0.9, *place.rounds(), input=source)


def is_free(port):
    """Whoever listens there already would be taken for the one that is to be measured."""
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.bind(("0.0.0.0", port))
        return True
    return False


def listening(port, seconds=10):
    """Without connecting, since the listener takes one connection only."""
    by = time.monotonic() + seconds
    while time.monotonic() < by:
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            with open(table) as lines:
                if any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in lines):
                    return
        time.sleep(0.01)
    raise Unable(f"it did not listen within {seconds} s")


def through(place, name, file, size, source):
    """CPU seconds of client and server. That all bytes came out is counted by wc, at the far end."""
    port = next(filter(is_free, PORTS))
    listen, connect = COMMANDS[name](place, port)
    suite = {"OPENSSL_CONF": str(place.folder / "openssl.cnf")}
    silent = subprocess.PIPE if name in SILENT_INPUT else subprocess.DEVNULL
    with running(listen, MEASURED, suite, stdin=silent) as server, \
            running(["wc", "-c"], OTHER, stdin=server.process.stdout) as counter:
        listening(port)
        with input_of(place.folder / file, source) as given, running(connect, MEASURED, suite, stdin=given, stdout=subprocess.DEVNULL) as client:
            sent, _ = client.well_ended(60)
            received, _ = server.well_ended(10)
        came = int(counter.line(10))
        if came != size:
            raise Unable(f"{came} of {size} bytes came out")
        return sent, received


def input_of(file, source):
    """A file in the page cache, or a pipe that cat fills on the other core."""
    return open(file, "rb") if source == "file" else poured(file)


@contextlib.contextmanager
def poured(file):
    with running(["cat", str(file)], OTHER, stdin=subprocess.DEVNULL) as source:
        yield source.process.stdout
