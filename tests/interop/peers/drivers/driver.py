# SPDX-License-Identifier: MIT
"""driver.py ROLE PORT VERSION CA CERT KEY ASK DATA GOT STEP...: a TLS peer with the ssl module; see grammar.py for the steps."""
import socket
import ssl
import struct
import sys
import time

role, port, version, ca, cert, key, ask, data_path, got_path, *steps = sys.argv[1:]
server = role == "server"


def say(*words):
    print(*words, flush=True)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
context.minimum_version = context.maximum_version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
if not server or ask == "ask":
    context.load_verify_locations(ca)
    context.verify_mode = ssl.CERT_REQUIRED
if cert != "-":
    context.load_cert_chain(cert, key)

if server:
    listener = socket.create_server(("127.0.0.1", 0))
    say("port", listener.getsockname()[1])
    listener.settimeout(20)
    plain, _ = listener.accept()
else:
    plain = socket.create_connection(("127.0.0.1", int(port)), 20)
plain.settimeout(20)

with open(data_path, "rb") as file:
    data = memoryview(file.read())
got, sent, received = open(got_path, "wb", buffering=0), 0, 0


def end_of(error):
    if isinstance(error, ssl.SSLEOFError):
        return f"SSLEOFError: {error}"
    return f"{type(error).__name__}: {error}"


def hear(tls, limit):
    global received
    while received < limit:
        more = tls.recv(65536)
        if not more:
            return False
        got.write(more)
        received += len(more)
    return True


def step(tls, word, count):
    global sent
    if word in ("send", "reply"):
        tls.sendall(data[sent:sent + count])
        sent += count
    elif word == "recv":
        hear(tls, count)
    elif word == "read":
        hear(tls, 1 << 62)
        say("end closed")
    elif word == "stall":
        time.sleep(count / 1000)
    elif word == "close":
        tls.unwrap().close()
    elif word == "cut":
        tls.close()
    elif word == "reset":
        tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        tls.close()


try:
    # suppress_ragged_eofs is on by default, and takes a cut for an end; whoever cares switches it off.
    tls = context.wrap_socket(plain, server_side=server, server_hostname=None if server else "localhost", suppress_ragged_eofs=False)
    for each in steps:
        word, _, count = each.partition(":")
        step(tls, word, int(count or 0))
except OSError as error:
    say("failed", end_of(error))
