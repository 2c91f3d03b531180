# SPDX-License-Identifier: MIT
"""The endings, written once for all peers: what the peer does, what we do, and what a right peer makes of it.

Ours is in the same words: send:N, recv:N (until so much came out), end (until the peer's direction has ended), eof (the end of our
input). adieu: further options.
"""
import dataclasses

K, MANY, PUSH = 50_000, 1 << 20, 4 << 20
BIG = 8 << 20


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    title: str                    # docs/interop.md
    steps: tuple                  # of the peer
    ours: tuple
    adieu: tuple = ()
    exits: tuple = (0,)           # of ours, with a peer that does all as it should
    roles: tuple = ("server", "client")  # the peer's
    needs: tuple = ()             # abilities beyond the steps
    their_identity: str = "usual"  # usual: a server's; good, strange, none
    our_identity: str = "usual"
    they_ask: bool = False        # their server requires a client certificate
    we_ask: bool = False
    alert: tuple = ()             # names that our alert may have
    lazy_reader: bool = False     # nobody takes what we print, for a while
    repeat: bool = False          # several runs in ./dev interop: timing decides


MISSING = ("certificate_required", "handshake_failure", "bad_certificate")

SCENARIOS = [
    Scenario("they_end", "data both ways, then they end", (f"recv:{K}", f"send:{K}", "close"), (f"send:{K}", f"recv:{K}", "end", "eof")),
    Scenario("we_end", "data both ways, then we end", (f"recv:{K}", f"send:{K}", "read", "close"), (f"send:{K}", f"recv:{K}", "eof")),
    Scenario("half_ours", "we half-close, they answer with 1 MB", ("read", f"reply:{MANY}", "close"), (f"send:{K}", "eof")),
    Scenario("half_theirs", "they half-close, we answer with 1 MB", (f"send:{K}", "half", "read", "close"),
             (f"recv:{K}", "end", f"send:{MANY}", "eof")),
    # Their tickets (a client's, TLS 1.3) or our end (below) are then unread, and many reset the connection: that must be told.
    Scenario("push_theirs", "they send 4 MB and close at once", (f"send:{PUSH}", "close"), ("end", "eof"), exits=(0, 4), repeat=True),
    Scenario("push_unread", "the same, while our end comes", (f"send:{PUSH}", "close"), ("eof",), exits=(0, 4), repeat=True),
    Scenario("push_ours", "we send 4 MB and close at once", ("read", "close"), (f"send:{PUSH}", "eof"), ("--until=self",), repeat=True),
    Scenario("cut_theirs", "they end without close_notify", (f"recv:{K}", f"send:{K}", "cut"), (f"send:{K}", f"recv:{K}", "end", "eof"),
             exits=(3,)),
    Scenario("cut_ours", "we end without close_notify", ("read", "close"), (f"send:{K}", "eof"), ("--end=cut",), exits=(1, 3, 4, 5)),
    Scenario("reset_theirs", "they reset", (f"recv:{K}", f"send:{K}", "reset"), (f"send:{K}", f"recv:{K}", "end", "eof"), exits=(4,)),
    Scenario("reset_ours", "we reset", ("read", "close"), (f"send:{K}", "eof"), ("--end=reset",), exits=(1,)),
    Scenario("refuse_theirs", "we refuse their certificate", (f"send:{K}", "read", "close"), ("eof",), exits=(6,),
             their_identity="strange", we_ask=True, alert=("unknown_ca", *MISSING), needs=("certificate",)),
    Scenario("miss_theirs", "we refuse a client without a certificate", (f"send:{K}", "read", "close"), ("eof",), exits=(6,), roles=("client",),
             their_identity="none", we_ask=True, alert=MISSING),
    Scenario("refuse_ours", "they refuse our certificate while we send 64 KB", ("read", "close"), ("send:65536", "eof"), exits=(5,),
             our_identity="strange", they_ask=True, repeat=True, needs=("verify",)),
    Scenario("miss_ours", "they refuse us without a certificate while we send 64 KB", ("read", "close"), ("send:65536", "eof"), exits=(5,),
             roles=("server",), our_identity="none", they_ask=True, repeat=True, needs=("verify",)),
    Scenario("stall_theirs", "8 MB to a peer that stalls and goes on", ("recv:65536", "stall:1200", "read", "close"), (f"send:{BIG}", "eof")),
    Scenario("stall_ours", "8 MB from them while our reader stalls and goes on", (f"recv:{K}", f"send:{BIG}", "close"), (f"send:{K}", "end", "eof"),
             lazy_reader=True),
]
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
