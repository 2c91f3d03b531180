# SPDX-License-Identifier: MIT
"""The poll loop: standard input and output are never made to wait for each other, nothing spins, and a failure of theirs is 9."""

import fcntl
import os
import re
import select
import subprocess
import time

import pytest

from lib_command import BOUND, random_bytes


def trusting(start, server, *args, **kw):
    return start("connect", server.address, "--pin", server.pin, *args, **kw)


def turns(command):
    """How often the process was put to sleep, and its processor time in ticks."""
    status = open(f"/proc/{command.pid}/status").read()
    fields = open(f"/proc/{command.pid}/stat").read().rpartition(")")[2].split()
    return int(re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", status).group(1)), int(fields[11]) + int(fields[12])


def rests(*commands, seconds=1.0, at_most=70):
    """Over a second the commands hardly wake. (Acknowledgements are looked at every 20 ms where they are waited for.)"""
    time.sleep(0.3)
    before = [turns(c) for c in commands]
    time.sleep(seconds)
    for command, (waits, ticks) in zip(commands, before):
        now = turns(command)
        assert now[0] - waits <= at_most and now[1] - ticks <= 10, f"{command.args}: {now[0] - waits} turns, {now[1] - ticks} ticks"


class Blocked:
    """A standard output that nobody reads yet."""

    def __init__(self):
        self.end, self.given = os.pipe()

    def read(self, count):
        data = bytearray()
        while len(data) < count:
            assert select.select([self.end], [], [], BOUND)[0], f"nothing came, and no end, after {len(data)} bytes"
            piece = os.read(self.end, min(1 << 20, count - len(data)))
            if not piece:
                break
            data += piece
        return bytes(data)

    def close_given(self):
        os.close(self.given)


@pytest.mark.parametrize("up, down", [(None, None), (b"x", None), (None, b"")], ids=["open", "half", "other-half"])
def test_an_idle_connection_rests(listen, start, up, down):
    server = listen(input=down)
    client = trusting(start, server, input=up)
    rests(server, client)


def test_waiting_for_a_connection_rests(listen):
    rests(listen(input=None))


def test_a_blocked_standard_output_rests_and_loses_nothing(listen, start):
    data, out = random_bytes(3_000_000), Blocked()
    server = listen(input=data)
    client = trusting(start, server, input=None, stdout=out.given)
    out.close_given()
    rests(server, client)
    assert out.read(len(data)) == data
    client.stdin.close()
    assert out.read(1) == b"" and client.wait().exit == 0 and server.wait().exit == 0


def test_a_dead_peer_does_not_make_a_blocked_command_spin(listen, start):
    out = Blocked()
    server = listen(input=random_bytes(3_000_000))
    client = trusting(start, server, input=None, stdout=out.given)
    time.sleep(0.3)
    client.stdin.write(b"never read")
    client.stdin.flush()
    server.signal(19)  # it stops, so that this stays unread, and dies: a reset
    server.kill()
    rests(client)


def test_a_cut_with_input_still_open_rests(listen, start):
    server = listen("--end=cut", "--end-after=0", input=None)
    rests(server, trusting(start, server, input=None))


HICCUPS = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/socket.h>
static int sends, receives;
ssize_t send(int fd, const void *buf, size_t size, int flags) {
    static ssize_t (*real)(int, const void *, size_t, int);
    if (!real) real = (ssize_t (*)(int, const void *, size_t, int))dlsym(RTLD_NEXT, "send");
    if (++sends % 61 < sends / 61 % 24) { errno = EAGAIN; return -1; }
    return real(fd, buf, size, flags);
}
ssize_t recv(int fd, void *buf, size_t size, int flags) {
    static ssize_t (*real)(int, void *, size_t, int);
    if (!real) real = (ssize_t (*)(int, void *, size_t, int))dlsym(RTLD_NEXT, "recv");
    if (++receives % 3 == 0) { errno = EAGAIN; return -1; }
    return real(fd, buf, size, flags);
}
"""


@pytest.mark.parametrize("peer_first", [True, False])
def test_a_socket_that_is_not_ready_for_a_moment_is_taken_up_again(adieu, listen, start, tmp_path, peer_first):
    if "libasan" in subprocess.run(["ldd", adieu], capture_output=True, text=True, timeout=60, check=False).stdout:
        pytest.skip("this address sanitizer lets no library come before it")
    source, library = tmp_path / "hiccups.c", tmp_path / "hiccups.so"
    source.write_text(HICCUPS)
    subprocess.run(["cc", "-shared", "-fPIC", source, "-o", library, "-ldl"], check=True, timeout=60)
    up, down = random_bytes(30_000_000), b"" if peer_first else random_bytes(5_000_000, 2)
    server = listen(input=down)
    client = trusting(start, server, input=up, env={"LD_PRELOAD": str(library)}).wait()
    assert client.exit == 0 and client.out == down and server.wait().out == up


def test_a_blocked_standard_output_does_not_stall_sending(listen, start):
    out = Blocked()
    server = listen(input=random_bytes(3_000_000))
    client = trusting(start, server, input=random_bytes(2_000_000, 2), stdout=out.given)
    out.close_given()
    assert server.wait_out(2_000_000) == random_bytes(2_000_000, 2)
    assert out.read(3_000_000) == random_bytes(3_000_000) and client.wait().exit == 0


def test_a_blocked_standard_output_does_not_stop_the_clocks(listen, start):
    out = Blocked()
    server = listen(input=random_bytes(3_000_000))
    client = trusting(start, server, "--timeout-total=0.7", input=b"", stdout=out.given)
    assert client.wait(20).exit == 8


def test_a_pause_of_standard_output_is_not_the_peers_silence(listen, start):
    out = Blocked()
    server = listen("--timeout-close=5", input=random_bytes(3_000_000))
    client = trusting(start, server, "--timeout-close=0.3", input=b"", stdout=out.given)
    out.close_given()
    time.sleep(1)
    assert out.read(3_000_000) == random_bytes(3_000_000) and client.wait().exit == 0


def test_the_reader_sees_the_peers_end_while_we_still_send(listen, start):
    out = Blocked()
    server = listen(input=b"all")
    client = trusting(start, server, input=None, stdout=out.given)
    out.close_given()
    assert out.read(1000) == b"all"  # and then the end, with standard input still open
    client.stdin.write(b"answer")
    client.stdin.close()
    assert client.wait().exit == 0 and server.wait().out == b"answer"


def test_after_the_peers_end_a_long_input_is_still_sent(listen, start):
    data = random_bytes(30_000_000)
    server = listen(input=b"")
    client = trusting(start, server, input=[data[at:at + 65536] for at in range(0, len(data), 65536)])
    assert client.wait().exit == 0 and server.wait().out == data


@pytest.mark.parametrize("after", [1, 16384, 16385, 100_000])
def test_end_after_sends_exactly_so_many_bytes(pair, after):
    client, server = pair([f"--end-after={after}"], up=b"x" * 100_001)
    assert client.exit == 0 and len(server.out) == after


def test_descriptors_keep_their_flags(listen, start):
    out = Blocked()
    into, feed = os.pipe()
    server = listen(input=b"hello")
    client = trusting(start, server, stdin=into, stdout=out.given)
    assert out.read(5) == b"hello"
    assert not any(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK for fd in (into, out.given))
    os.close(feed)
    assert client.wait().exit == 0


def fails_locally(client, text):
    result = client.wait()
    assert result.exit == 9 and text in result.err, result
    assert result.report["error"]["code"] == "local_io"


def test_a_closed_pipe_as_standard_output_is_9(listen, start):
    out = Blocked()
    os.close(out.end)
    fails_locally(trusting(start, listen(input=b"hello"), input=None, stdout=out.given), "standard output failed: Broken pipe")


def test_a_full_disk_as_standard_output_is_9(listen, start):
    with open("/dev/full", "wb") as full:
        fails_locally(trusting(start, listen(input=b"hello"), stdout=full), "standard output failed: No space left")


def test_a_missing_standard_output_is_9_once_it_is_needed(listen, start):
    fails_locally(trusting(start, listen(input=b"hello"), preexec=lambda: os.close(1)), "standard output failed: Bad file")
    assert trusting(start, listen(input=b""), preexec=lambda: os.close(1)).wait().exit == 0


def test_a_standard_input_that_cannot_be_read_is_9(listen, start):
    fails_locally(trusting(start, listen(), input=None, preexec=lambda: os.close(0)), "standard input failed: Bad file")
    fails_locally(trusting(start, listen(), stdin=os.open("/", os.O_RDONLY)), "standard input failed: Is a directory")


def test_no_socket_takes_the_number_of_a_closed_descriptor(listen, start):
    client = trusting(start, listen(input=None), input=None, preexec=lambda: [os.close(fd) for fd in (1, 2)])
    client._wait_for(lambda: len(os.listdir(f"/proc/{client.pid}/fd")) > 5, "it never connected", 10)
    for fd in (1, 2):
        assert os.readlink(f"/proc/{client.pid}/fd/{fd}") == "/dev/null"


# ---------------------------------------------------------------- --until and --timeout-close


def test_until_peer_leaves_with_input_still_open(listen, start):
    client = trusting(start, listen(input=b"all"), "--until=peer", input=None)
    result = client.wait()
    assert result.exit == 0 and result.out == b"all" and result.report["first"] == "peer"


def test_until_peer_leaves_after_a_cut_too_and_does_not_call_it_an_end(listen, start):
    server = listen("--end=cut", input=None)
    client = trusting(start, server, "--until=peer", input=None)
    client.stdin.write(b"said before")
    client.stdin.flush()
    server.wait_out(len(b"said before"))
    server.stdin.write(b"some")
    server.stdin.close()
    result = client.wait()
    assert result.exit == 3 and result.out == b"some" and result.report["receiving"] == "truncated"


def test_until_self_discards_and_counts_what_comes_late(listen, start):
    server = listen("-v", input=None)
    client = trusting(start, server, "--until=self", input=b"request")
    server.wait_err("receiving is closed")
    server.stdin.write(b"late")
    server.stdin.close()
    result = client.wait()
    assert result.exit == 0 and result.out == b"" and result.report["bytes"]["discarded"] == 4
    assert server.wait().exit == 0


def test_a_peer_that_is_silent_after_our_end_is_8(listen, start):
    server = listen("--end=mute", "--end-after=3", "--timeout-total=20", input=b"abc")
    result = trusting(start, server, "--timeout-close=0.4", input=b"x").wait()
    assert result.exit == 8 and result.out == b"abc" and "--timeout-close" in result.err
    assert (result.report["sending"], result.report["receiving"]) == ("closed", "abandoned")


def test_a_reply_within_the_bound_is_waited_for_as_often_as_it_comes(listen, start):
    server = listen(input=None)
    client = trusting(start, server, "--timeout-close=0.8", input=b"x")
    server.wait_out(1)
    for _ in range(4):
        time.sleep(0.4)
        server.stdin.write(b".")
        server.stdin.flush()
    server.stdin.close()
    assert client.wait().out == b"...." and client.wait().exit == 0


def taken_slowly(out, piece, pause):
    took = bytearray()
    while data := out.read(piece):
        took += data
        time.sleep(pause)
    return bytes(took)


def test_a_slow_reader_that_goes_on_acknowledging_is_not_cut_off(listen, start):
    out, data = Blocked(), random_bytes(4_000_000)
    server = listen("--timeout-close=never", stdout=out.given)
    client = trusting(start, server, "--timeout-close=1", input=data)
    out.close_given()
    assert taken_slowly(out, 100_000, 0.1) == data and client.wait().exit == 0


def test_a_slow_reader_behind_a_unix_socket_is_not_cut_off_while_its_reply_is_awaited(start, tmp_path):
    out, data = Blocked(), random_bytes(800_000)
    server = start("listen", "--unix", tmp_path / "s", "--timeout-close=never", input=None, stdout=out.given)
    pin = server.wait_err(r"--pin (\w+)").group(1)
    client = start("connect", "--unix", tmp_path / "s", "--pin", pin, "--timeout-close=1.3", input=data)
    out.close_given()
    assert taken_slowly(out, 40_000, 0.15) == data
    server.stdin.close()
    assert client.wait().exit == 0


def test_a_stalled_peer_is_8_with_input_over(listen, start, tmp_path):
    server = listen("--end=stall", "--end-after=0", "--timeout-total=30", input=b"")
    big = tmp_path / "big"
    big.write_bytes(b"x" * 200_000)  # taken by the kernels, never read
    with open(big, "rb") as file:
        result = trusting(start, server, "--timeout-close=0.5", stdin=file).wait()
    assert result.exit == 8 and result.report["bytes"]["taken"] == 200_000


def test_idle_is_8_when_nothing_moves(listen, start):
    result = trusting(start, listen(input=None), "--timeout-idle=0.3", input=None).wait()
    assert result.exit == 8 and "nothing moved for 0.3 s (--timeout-idle)" in result.err


def test_stalling_stays_until_a_signal(listen, start):
    server = listen("--end=stall", "--end-after=2", input=b"abc")
    client = trusting(start, server, input=None)
    assert client.wait_out(2) == b"ab"
    rests(server)
    server.signal(15)
    assert server.wait().exit == -15 and client.wait().exit == 4
