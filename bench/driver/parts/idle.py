# SPDX-License-Identifier: MIT
"""What an idle connection costs a server after 16 KB each way: heap bytes, exactly; and memory with 10,000 of them."""
import time

import roster
from clocks import heap_bytes, resident_bytes
from rounds import run_often
from talks import Server, hold

TITLE = "Idle connections: memory"
SECONDS = 85
FEW, COUNTED = 50, 1000
MANY = 10000


def measure(place, seconds):
    native, everybody = roster.names(native=True, limits=False), roster.names(limits=False)
    counted, many = place.size(COUNTED), place.size(MANY)
    for tls in ("1.3", "1.2"):
        yield run_often(native, lambda name: {"heap_bytes": heap_each(place, name, tls)}, 1, tls=tls, connections=counted)
    yield run_often(everybody, lambda name: {"rss_bytes": resident_each(place, name, many)}, 1, tls="1.3", connections=many)


def steady(read, seconds=10):
    """Its value once it stands still: a server may still be at work on the last connections."""
    by = time.monotonic() + seconds
    value, since = read(), time.monotonic()
    while time.monotonic() < min(by, since + 0.2):
        time.sleep(0.02)
        again = read()
        if again != value:
            value, since = again, time.monotonic()
    return value


def heap_each(place, name, tls):
    """What the next thousand connections add to the first fifty, divided: no table's first growth, no context."""
    file = place.folder / "heap"
    file.write_bytes(bytes(4096))
    environment = {"LD_PRELOAD": str(place.build / "bench" / "load" / "libheap.so"), "HEAP_FILE": str(file)}
    server = Server(place, name, environment=environment, tls=tls)
    few, counted = place.size(FEW), place.size(COUNTED)
    try:
        with hold(place, server.port, few, tls=tls):
            server.wait_open(few)
            before = steady(lambda: heap_bytes(file))
            with hold(place, server.port, counted, tls=tls):
                server.wait_open(few + counted)
                return (steady(lambda: heap_bytes(file)) - before) / counted
    finally:
        server.end()


def resident_each(place, name, count):
    """Again without the first fifty, which make tables and pools grow that are there for all."""
    server = Server(place, name)
    few = place.size(FEW)
    try:
        with hold(place, server.port, few):
            server.wait_open(few)
            before = steady(lambda: resident_bytes(server.pid))
            with hold(place, server.port, count):
                server.wait_open(few + count)
                return (steady(lambda: resident_bytes(server.pid)) - before) / count
    finally:
        server.end()
