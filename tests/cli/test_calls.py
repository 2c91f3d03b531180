# SPDX-License-Identifier: MIT
"""What a megabyte costs the command in system calls, each way. Machines differ in speed, but not in this."""
import json
import subprocess

import pytest

from lib_command import random_bytes
from test_loop import trusting

MEGABYTES = 32
SIZE = MEGABYTES * 1_000_000

# Counts the calls that move bytes or wait, and the bytes of those that move, and says so at the end. With NO_WAY_IN standard
# output cannot be opened once more.
COUNTS = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
static unsigned long calls, in, out, events;
#define COUNT(sum, type, name, declared, given) \
    type name declared { \
        static type (*real) declared; \
        if (!real) real = (type (*) declared)dlsym(RTLD_NEXT, #name); \
        type n = real given; \
        calls++; \
        if (n > 0) sum += (unsigned long)n; \
        return n; \
    }
COUNT(out, ssize_t, send, (int fd, const void *buf, size_t size, int flags), (fd, buf, size, flags))
COUNT(out, ssize_t, write, (int fd, const void *buf, size_t size), (fd, buf, size))
COUNT(in, ssize_t, recv, (int fd, void *buf, size_t size, int flags), (fd, buf, size, flags))
COUNT(in, ssize_t, read, (int fd, void *buf, size_t size), (fd, buf, size))
COUNT(events, int, poll, (struct pollfd *set, nfds_t count, int timeout), (set, count, timeout))
#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name); \
        va_list rest; \
        if (getenv("NO_WAY_IN") && strcmp(path, "/proc/self/fd/1") == 0) { errno = EACCES; return -1; } \
        va_start(rest, flags); \
        int mode = va_arg(rest, int); \
        va_end(rest); \
        return real(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)
__attribute__((destructor)) static void tell(void) {
    FILE *file = fopen(getenv("COUNTS"), "w");
    if (!file) return;
    fprintf(file, "{\"calls\": %lu, \"in\": %lu, \"out\": %lu}\n", calls, in, out);
    fclose(file);
}
"""


@pytest.fixture
def counts(adieu, tmp_path):
    """counts(name) -> (env, function that tells what was counted, once the command has ended)."""
    if "libasan" in subprocess.run(["ldd", adieu], capture_output=True, text=True, timeout=60, check=False).stdout:
        pytest.skip("this address sanitizer lets no library come before it")
    source, library = tmp_path / "counts.c", tmp_path / "counts.so"
    source.write_text(COUNTS)
    subprocess.run(["cc", "-shared", "-fPIC", source, "-o", library, "-ldl"], check=True, timeout=60)

    def do(name):
        path = tmp_path / name
        return {"LD_PRELOAD": str(library), "COUNTS": str(path)}, lambda: json.loads(path.read_text())
    return do


def holds(counted, most):
    assert counted["in"] > SIZE and counted["out"] > SIZE, "the count has missed something"
    assert counted["calls"] / MEGABYTES < most, f"{counted['calls'] / MEGABYTES:.0f} calls a megabyte"


def test_a_file_into_a_file_costs_few_calls(counts, listen, start, tmp_path):
    (source := tmp_path / "source").write_bytes(random_bytes(SIZE))
    (server_env, of_server), (client_env, of_client) = counts("server"), counts("client")
    with open(source, "rb") as stdin, open(tmp_path / "sink", "wb") as stdout:
        server = listen(input=b"", stdout=stdout, env=server_env)
        client = trusting(start, server, stdin=stdin, env=client_env)
        assert client.wait().exit == 0 and server.wait().exit == 0
    assert (tmp_path / "sink").read_bytes() == source.read_bytes()
    holds(of_client(), 30)  # measured: 17 to 20
    holds(of_server(), 30)  # measured: 17 to 19


@pytest.mark.parametrize("down", [False, True])
def test_a_pipe_into_a_pipe_costs_few_calls(counts, listen, start, down):
    data = random_bytes(SIZE)
    (server_env, of_server), (client_env, of_client) = counts("server"), counts("client")
    server = listen(input=data if down else b"", env=server_env)
    client = trusting(start, server, input=b"" if down else data, env=client_env)
    assert client.wait().exit == 0 and server.wait().exit == 0
    assert (client if down else server).out == data
    holds(of_client(), 100)  # measured: 46 to 50
    holds(of_server(), 100)  # measured: 39 to 52


def test_a_pipe_that_cannot_be_opened_once_more_gets_all_in_small_pieces(counts, listen, start):
    data = random_bytes(SIZE)
    environment, of_server = counts("server")
    server = listen(input=b"", env=environment | {"NO_WAY_IN": "1"})
    assert trusting(start, server, input=data).wait().exit == 0 and server.wait().exit == 0
    assert server.out == data
    assert of_server()["calls"] / MEGABYTES > 400
