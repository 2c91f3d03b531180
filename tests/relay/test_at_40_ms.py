# SPDX-License-Identifier: MIT
"""The command across a round trip of 40 ms: its goodbye takes time there, and everything that it destroys shows."""
import hashlib
import sys
import time

import pytest

from lib_command import random_bytes
from lib_claims import BOTH_VERSIONS, SLOWNESS, expect, orderly
from lib_relay import HERE, rounds

MUCH = 8 << 20
AT_ONCE = 10
SIZES = pytest.mark.parametrize("size", [65536, 1_000_000])


def in_turns(count, at_once, begin, check):
    """Begins count conversations, so many at once, and checks each."""
    for first in range(0, count, at_once):
        for conversation in [begin() for _ in range(min(at_once, count - first))]:
            check(*conversation)


def same(a, b):
    """An assertion that does not print megabytes."""
    assert len(a) == len(b) and hashlib.sha256(a).digest() == hashlib.sha256(b).digest()


# ---------------------------------------------------------------- the alert arrives


def refuse(across, meet, pki, version, size, stranger, count, until="both"):
    """The listener wants a certificate of an authority that did not sign the connector's."""
    name = "unknown_ca" if stranger else "certificate_required" if version == "1.3" else "handshake_failure"
    ours = ["--cert", stranger.server.cert, "--key", stranger.server.key] if stranger else []
    relay, data = across(), random_bytes(size)

    def begin():
        return meet(relay, ["--max", version, f"--until={until}", *ours], ["--client-ca", pki.ca], up=data)

    def check(connector, listener):
        expect(connector.wait(), 5, receiving="alerted", alert_received_name=name, alert_sent=None)
        expect(listener.wait(), 6, receiving="rejected", alert_sent_name=name, error_code="refused")

    in_turns(count, AT_ONCE, begin, check)


@SIZES
@BOTH_VERSIONS
def test_both_name_the_missing_certificate(across, meet, pki, version, size):
    refuse(across, meet, pki, version, size, None, rounds(10, 200))


@SIZES
@BOTH_VERSIONS
def test_both_name_the_unknown_authority(across, meet, pki, strangers, version, size):
    refuse(across, meet, pki, version, size, strangers, rounds(10, 200))


def test_both_name_it_though_nothing_is_waited_for(across, meet, pki):
    refuse(across, meet, pki, "1.3", 65536, None, rounds(10, 200), until="self")


@pytest.mark.large
def test_both_name_the_missing_certificate_200_times_of_200(across, meet, pki):
    refuse(across, meet, pki, "1.3", 65536, None, 200)


# ---------------------------------------------------------------- nothing is lost


def talk(across, meet, count, version, up, down, until="both", loss=0):
    relay = across(loss=loss)

    def begin():
        return meet(relay, ["--max", version, f"--until={until}"], up=up, down=down)

    def check(connector, listener):
        here, there = connector.wait(), listener.wait()
        orderly(here, bytes_taken=len(up), bytes_acknowledged=len(up))
        orderly(there, bytes_taken=len(down), bytes_acknowledged=len(down), bytes_received=len(up))
        same(there.out, up)
        if until == "both":
            same(here.out, down)
        else:
            assert here.report["bytes"]["received"] + here.report["bytes"]["discarded"] == len(down)

    in_turns(count, 2, begin, check)
    return relay.counts()


@BOTH_VERSIONS
def test_eight_megabytes_each_way_arrive_through_a_half_close(across, meet, version):
    talk(across, meet, rounds(2, 20), version, random_bytes(MUCH), random_bytes(MUCH, seed=2))


@BOTH_VERSIONS
def test_eight_megabytes_pushed_against_eight_arrive(across, meet, version):
    talk(across, meet, rounds(2, 20), version, random_bytes(MUCH), random_bytes(MUCH, seed=2), until="self")


@pytest.mark.large
def test_eight_megabytes_each_way_twenty_times_of_twenty(across, meet):
    talk(across, meet, 20, "1.3", random_bytes(MUCH), random_bytes(MUCH, seed=2))


@pytest.mark.large
def test_eight_megabytes_pushed_twenty_times_of_twenty(across, meet):
    talk(across, meet, 20, "1.3", random_bytes(MUCH), b"", until="self")


@BOTH_VERSIONS
@pytest.mark.parametrize("until", ["self", "both"])
def test_nothing_is_lost_where_packets_are(across, meet, version, until):
    data = random_bytes(300_000)
    counts = talk(across, meet, rounds(4, 50), version, data, data, until=until, loss=2)
    assert counts["a"]["lost"] + counts["b"]["lost"] > 0


# ---------------------------------------------------------------- resets


def rude(across, beyond, adieu, pki, version, story, size, args, up, check):
    relay = across()

    def begin():
        server = beyond(relay, "b", sys.executable, HERE / "rude.py", relay.b, pki.server.cert, pki.server.key, pki.ca, version,
                        story, size, report=False)
        where = server.wait_err(r"listening on (\S+)").group(1)
        return [beyond(relay, "a", adieu, "connect", where, "--ca", pki.ca, "--name", "localhost", *args, input=up)]

    in_turns(rounds(5, 100), 5, begin, lambda connector: check(connector.wait()))


@BOTH_VERSIONS
def test_a_reset_right_behind_close_notify_takes_nothing_away(across, beyond, adieu, pki, version):
    def check(result):
        expect(result, 0, sending="closed", receiving="closed", bytes_received=10000, bytes_acknowledged=65536, after="reset",
               os_error="ECONNRESET", error=None)

    rude(across, beyond, adieu, pki, version, "end", 10000, [], random_bytes(65536), check)


@BOTH_VERSIONS
def test_an_interruption_is_an_end_of_theirs_and_a_loss_of_ours(across, beyond, adieu, pki, version):
    def check(result):
        expect(result, 4, receiving="closed", bytes_received=10000)
        assert len(result.out) == 10000
        assert result.report["bytes"]["acknowledged"] < result.report["bytes"]["taken"]

    rude(across, beyond, adieu, pki, version, "interrupt", 10000, [], random_bytes(MUCH), check)


@SIZES
@BOTH_VERSIONS
def test_an_alert_right_before_a_reset_is_heard(across, beyond, adieu, pki, version, size):
    name = "certificate_required" if version == "1.3" else "handshake_failure"

    def check(result):
        expect(result, 5, receiving="alerted", alert_received_name=name)

    rude(across, beyond, adieu, pki, version, "refuse", 0, [], random_bytes(size), check)


@BOTH_VERSIONS
def test_a_listener_that_resets_is_a_reset_behind_all_that_it_said(across, meet, version):
    connector, listener = meet(across(), ["--max", version], ["--end=reset"], down=random_bytes(200_000))
    result = expect(connector.wait(), 4, receiving="reset", bytes_received=200_000)
    same(result.out, random_bytes(200_000))
    assert listener.wait().exit != 0


# ---------------------------------------------------------------- peers that vanish

IMPATIENT = ["--timeout-close=1", "--timeout-handshake=1", "--timeout-connect=1"]


def vanish(across, meet, how, up, down):
    """Both come to an end of their own, in time. Returns their results."""
    relay = across()
    relay.hole(how)
    begin = time.monotonic()
    connector, listener = meet(relay, IMPATIENT, IMPATIENT, up=up, down=down)
    results = connector.wait(), listener.wait()
    assert time.monotonic() - begin < 10 * SLOWNESS
    assert relay.counts()["a"]["swallowed"] > 0
    for result in results:
        assert result.exit in (4, 8), f"neither lost nor out of time: {result}"
    return results


def test_a_peer_that_vanishes_before_it_answers_the_connection(across, meet):
    vanish(across, meet, "now", b"", b"")


@pytest.mark.parametrize("after", [0, 400])
def test_a_peer_that_vanishes_in_the_handshake(across, meet, after):
    vanish(across, meet, after, b"request", b"reply")


def test_a_peer_that_vanishes_amid_data(across, meet):
    data = random_bytes(MUCH)
    for result in vanish(across, meet, 1_000_000, data, data):
        assert result.report["receiving"] != "closed"
        same(result.out, data[:len(result.out)])


def test_a_peer_that_vanishes_before_it_answers(across, meet):
    """The request is there; the reply would be long."""
    vanish(across, meet, 30_000, b"request", random_bytes(1_000_000))


def test_a_peer_that_vanishes_in_the_goodbye(across, meet):
    """Everything has been said; the FIN and what follows it reach nobody."""
    data = random_bytes(65536)
    relay = across()
    relay.hole("fin")
    connector, listener = meet(relay, IMPATIENT, IMPATIENT, up=data, down=data)
    for result in (connector.wait(), listener.wait()):
        assert result.exit in (0, 8), f"{result}"
        heard_all = result.report["receiving"] == "closed"  # or the last of it went with the FIN
        same(result.out, data if heard_all else data[:len(result.out)])
        if result.exit == 0:
            orderly(result, bytes_acknowledged=len(data), bytes_received=len(data))
    assert relay.counts()["a"]["fins"] + relay.counts()["b"]["fins"] > 0


@pytest.mark.parametrize("how", [300_000, "fin"])
def test_a_network_that_comes_back_in_time_has_lost_nothing(across, meet, how):
    data, relay = random_bytes(1_000_000), across()
    relay.hole(how)
    connector, listener = meet(relay, up=data, down=data)
    end = time.monotonic() + 10 * SLOWNESS
    while not (relay.counts()["a"]["swallowed"] or relay.counts()["b"]["swallowed"]):
        assert time.monotonic() < end, "the hole never swallowed anything"
        time.sleep(0.02)
    time.sleep(0.3)  # the length of the failure, which is the story
    relay.hole("none")
    for result in (connector.wait(), listener.wait()):
        orderly(result, bytes_acknowledged=len(data), bytes_received=len(data))
        same(result.out, data)
