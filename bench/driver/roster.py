# SPDX-License-Identifier: MIT
"""Who takes part, in the order of the tables."""
import dataclasses
import shutil


@dataclasses.dataclass(frozen=True)
class Peer:
    name: str
    label: str
    file: str  # in BUILD/bench/peers, or in bench/peers where `by` reads it
    by: str = ""  # the program that runs it
    native: bool = True  # C or C++ with glibc's malloc: its heap can be counted, and callgrind can run it
    limit: bool = False  # no TLS: what the machine could do at best
    serves: bool = True


PEERS = [
    Peer("adieu_fd", "adieu, descriptors", "peer-adieu-fd"),
    Peer("adieu_uv", "adieu, libuv", "peer-adieu-uv"),
    Peer("openssl", "OpenSSL, naive", "peer-openssl"),
    Peer("gnutls", "GnuTLS", "peer-gnutls"),
    Peer("asio", "Boost.Asio", "peer-asio"),
    Peer("libevent", "libevent", "peer-libevent"),
    Peer("go", "Go", "peer-go", native=False),
    Peer("node", "Node", "peer.mjs", by="node", native=False),
    Peer("python", "Python asyncio", "peer.py", by="/usr/bin/python3", native=False),
    Peer("plain", "TCP alone", "peer-plain", limit=True),
    Peer("aead", "AEAD alone", "peer-aead", limit=True, serves=False),
]
# What nobody can go below: TCP, and behind it sealing and opening, in series. It is computed from the two.
LIMIT = Peer("limit", "the limit: TCP, then AEAD", "", limit=True)
# The same program under a second name: how far its ratio is from 1 is what this machine's mood does to a ratio.
AGAIN = Peer("openssl_again", "OpenSSL, once more", "peer-openssl")
BY_NAME = {peer.name: peer for peer in [*PEERS, LIMIT, AGAIN]}

# Not libraries but commands: the pipes.
PIPES = {
    "adieu": "adieu connect, listen",
    "openssl_pipe": "openssl s_client, s_server",
    "socat": "socat",
    "socat_64": "socat -b 65536",
    "ncat": "ncat",
}
BASE, OURS = "openssl", ("adieu_fd", "adieu_uv")


def label(name):
    return BY_NAME[name].label if name in BY_NAME else PIPES[name]


def names(*, native=False, limits=True, again=False):
    found = [peer.name for peer in PEERS if (peer.native or not native) and (limits or not peer.limit)]
    return found + [AGAIN.name] if again else found


def command(peer, place):
    """The words that run it, or a reason why not (a text)."""
    if peer.by:
        reader = shutil.which(peer.by)
        return [reader, str(place.sources / "peers" / peer.file)] if reader else f"{peer.by} is not installed"
    program = place.build / "bench" / "peers" / peer.file
    return [str(program)] if program.exists() else "it was not built: its library or compiler is missing"
