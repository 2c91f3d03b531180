# SPDX-License-Identifier: MIT
"""Writes the inputs that a corpus begins with, and the dictionaries: seeds.py FOLDER. What an input means is said beside the code that reads it."""
import pathlib
import re
import sys

# ------------------------------------------------ the wire (choices.c, wire.c)

ACTS = """go give lend take step read write shut say_data say_alert say_close say_record say_message say_plain say_early say_bytes
edit edit_too say_oddly discard say_key_update abort update_key ask_certificate decide out_failed acknowledged buffers end
let_go hold""".split()

TLS13, AES256, TICKETS, GROUPS, SHOWS = 1, 2, 0x20, 0x40, 0x80
UNKNOWN, EXPIRED = 0x10, 0x18
REQUIRED, LATE, LATER, SMALL_QUEUE, SMALL_KEYS, IDENTITY, ALPN, PEER_ASKS = 2, 3, 4, 8, 0x10, 0x20, 0x40, 0x80
CONTENT, RAW, TYPE, DROP, DOUBLE, SPLIT, SWAP = range(7)
BEND, CUT, INSERT = range(3)
FIN, RESET = 0, 1


def act(name, *values):
    """Numbers of one byte, (N,) of two, and bytes that are counted by one."""
    out = bytes([ACTS.index(name)])
    for value in values:
        if isinstance(value, tuple):
            out += value[0].to_bytes(2, "big")
        elif isinstance(value, bytes):
            out += bytes([len(value)]) + value
        else:
            out += bytes([value])
    return out


def edit(record, how, which=CONTENT, at=0, value=0):
    return act("edit", which, record, how, (at,), value)


def talk(peer, adieu, *acts):
    return bytes([peer, adieu]) + b"".join(acts)


GIVE, LEND, TAKE, STEP, READ, SHUT, CLOSE, GO = (act("give", 0), act("lend", 0), act("take", 0), act("step"), act("read", 0),
                                                act("shut"), act("say_close"), act("go"))


def say(size):
    return act("say_data", (size,))


def write(size):
    return act("write", (size,))


def behind():
    """Behind the handshake, of client and server."""
    for tls13 in (0, TLS13):
        yield "goodbye", talk(tls13, 0, say(100), GIVE, READ, write(300), CLOSE, GIVE, READ, SHUT, TAKE)
        yield "lent", talk(tls13, 0, say(20), CLOSE, say(3), LEND, READ, READ, SHUT, TAKE)
        yield "small", talk(tls13 | AES256, SMALL_QUEUE, write(40000), act("take", 200), write(40000), TAKE, SHUT, act("take", 9))
        yield "discard", talk(tls13, 0, say(16384), say(16384), GIVE, act("discard"), CLOSE, GIVE, act("discard"), SHUT)
        yield "cut", talk(tls13, 0, say(500), act("give", 40), act("end", FIN), READ)
        yield "reset", talk(tls13, 0, say(50), GIVE, write(70), act("end", RESET), READ)
        yield "bent", talk(tls13, 0, say(50), edit(0, BEND, RAW, 20, 1), GIVE, READ, TAKE)
        yield "replayed", talk(tls13, 0, say(50), act("edit", DOUBLE, 0), CLOSE, GIVE, READ, READ)
        yield "swapped", talk(tls13, 0, say(50), CLOSE, act("edit", SWAP, 0), GIVE, READ, READ)
        yield "dropped", talk(tls13, 0, say(50), CLOSE, act("edit", DROP, 0), GIVE, READ, READ)
        yield "alert", talk(tls13, 0, act("say_alert", 2, 40), GIVE, READ, SHUT)
        yield "warning", talk(tls13, 0, act("say_alert", 1, 90), CLOSE, GIVE, READ)
        yield "fatal_close", talk(tls13, 0, act("say_alert", 2, 0), GIVE, READ)
        yield "plain_close", talk(tls13, 0, act("say_plain", 21, b"\1\0"), GIVE, READ)
        yield "empty", talk(tls13, 0, act("say_record", 23, b""), act("say_record", 23, b""), CLOSE, GIVE, READ)
        yield "type", talk(tls13, 0, act("say_record", 99, b"xyz"), GIVE, READ)
        yield "message", talk(tls13, 0, act("say_message", 99, b"xyz"), GIVE, READ, TAKE)
        yield "half", talk(tls13, 0, act("say_record", 22, b"\4\0"), GIVE, READ, write(10), act("update_key", 1), SHUT, act("end", FIN))
        yield "odd", talk(tls13, 0, act("say_oddly", 15, b"abc", 23, (3,), 22, (0x0301,), (70,)), GIVE, READ)
        yield "failed", talk(tls13, 0, write(500), act("take", 90), act("out_failed"), CLOSE, GIVE, READ)
        yield "aborted", talk(tls13, 0, write(500), act("take", 90), act("abort", 1), TAKE, act("acknowledged", (600,)))
        yield "partly", talk(tls13, 0, write(100), act("take", 100), TAKE, write(60), act("take", 60))
        yield "held", talk(tls13, 0, say(30), act("hold", 20), act("hold", 0), CLOSE, say(9), act("hold", 0), act("hold", 0), READ, READ)
        yield "bytes", talk(tls13, 0, act("say_bytes", b"GET / HTTP/1.0\r\n\r\n"), GIVE, READ)
    yield "updates", talk(TLS13 | TICKETS, SMALL_KEYS, act("say_key_update", 1), say(9), GIVE, READ, write(50000), TAKE, write(1), TAKE,
                          act("update_key", 1), TAKE, CLOSE, GIVE, READ, SHUT)
    yield "bad_update", talk(TLS13, 0, act("say_key_update", 2), GIVE, READ)
    yield "early", talk(TLS13, 0, act("say_early", 9, 21, b"\1\0"), GIVE, READ)
    yield "late", talk(TLS13 | SHOWS, LATE, act("ask_certificate"), TAKE, act("say_message", 11, b"\0\0\0\0"), GIVE, READ, TAKE)
    yield "rest", talk(TLS13, IDENTITY, act("buffers", 0), say(5), GIVE, READ, act("buffers", 1), act("say_message", 13, b"\0\0\0"), GIVE, READ)


def within():
    """Before and in the handshake."""
    LET = act("let_go")
    for tls13 in (0, TLS13):
        yield "honest", talk(tls13, 0, *[GO] * 5, say(30), CLOSE, GIVE, READ, READ, SHUT)
        yield "again", talk(tls13 | GROUPS | TICKETS, 0, *[GO] * 6)
        yield "unknown", talk(tls13 | UNKNOWN | SHOWS, REQUIRED, *[GO] * 5)
        yield "expired", talk(tls13 | EXPIRED | SHOWS, REQUIRED | ALPN, *[GO] * 5)
        yield "shown", talk(tls13 | SHOWS, REQUIRED | IDENTITY | PEER_ASKS, *[GO] * 6)
        yield "later", talk(tls13 | SHOWS, REQUIRED | LATER, GO, GO, act("decide", 1), *[GO] * 4, CLOSE, GIVE)
        yield "refused", talk(tls13 | SHOWS, REQUIRED | LATER, GO, GO, act("decide", 4), *[GO] * 4)
        yield "http", talk(tls13, 0, act("say_bytes", b"HTTP/1.1 400 Bad Request\r\n"), GIVE, STEP, TAKE)
        yield "alert", talk(tls13, 0, act("say_plain", 21, b"\2\50"), GIVE, STEP)
        yield "close", talk(tls13, 0, act("say_plain", 21, b"\1\0"), GIVE, STEP, TAKE)
        yield "cut", talk(tls13, 0, STEP, TAKE, LET, act("give", 99), act("end", FIN), STEP)
        yield "reset", talk(tls13, 0, STEP, TAKE, LET, act("give", 99), act("end", RESET), STEP)
        for record in range(3):
            yield "bent", talk(tls13, 0, STEP, TAKE, LET, edit(record, BEND, CONTENT, 3, 0), *[GO] * 4)
            yield "grown", talk(tls13, 0, STEP, TAKE, LET, act("edit", CONTENT, record, INSERT, (40,), b"\0\0\0"), *[GO] * 4)
            yield "split", talk(tls13, 0, STEP, TAKE, LET, act("edit", SPLIT, record, (9,)), *[GO] * 4)
            yield "typed", talk(tls13, 0, STEP, TAKE, LET, act("edit", TYPE, record, 21), *[GO] * 4)
            yield "dropped", talk(tls13, 0, STEP, TAKE, LET, act("edit", DROP, record), *[GO] * 4)
    yield "early", talk(TLS13, 0, GO, act("say_early", 0, 21, b"\1\0"), GIVE, STEP, GO)


# ------------------------------------------------ the command (dialogue.c, options.c)

PROTOCOLS = "smtp imap pop3 ftp ldap xmpp postgres http socks5".split()
USER, FOLLOWS, BROKEN = 1, 2, 4


def dialogues():
    """What peers say."""
    tls = "urn:ietf:params:xml:ns:xmpp-tls"
    xmpp = f"<?xml version='1.0'?><stream:stream xmlns='jabber:client' id='>'><stream:features><starttls xmlns='{tls}'/></stream:features>"
    for protocol, words in [
            ("smtp", "220 there\r\n250-there\r\n250-SIZE\r\n250 STARTTLS\r\n220 go\r\n"), ("smtp", "220-a\r\n220 b\r\n250 HELP\r\n"),
            ("smtp", "554 no\r\n"), ("smtp", "220 there\r\n500 what\r\n"), ("smtp", "220 x\r\n250 STARTTLS\r\n454 no\r\n"),
            ("smtp", "220 x\r\n250 STARTTLS\r\n220 go\r\n250 too much\r\n"),
            ("imap", "* OK there\r\n* CAPABILITY IMAP4rev1\r\nadieu1 OK go\r\n"), ("imap", "* PREAUTH hello\r\n"),
            ("imap", "* OK x\r\n* BYE\r\n"), ("imap", "* OK x\r\nadieu1 NO\r\n"), ("pop3", "+OK there\r\n+OK go\r\n"),
            ("pop3", "+OK there\r\n-ERR no\r\n"), ("ftp", "120 wait\r\n220-there\r\n any\r\n220 x\r\n234 go\r\n"), ("ftp", "220 x\r\n502 no\r\n"),
            ("ldap", "0\x0c\x02\x01\x01x\x07\n\x01\x00\x04\x00\x04\x00"), ("ldap", "0\x84\x00\x00\x00\x10\x02\x01\x00x\x84\x00\x00\x00\x07\n\x014\x04\x00\x04\x00"),
            ("ldap", "0\x81\x0e\x02\x01\x01x\x09\n\x01\x02\x04\x00\x04\x02no"), ("xmpp", xmpp + f"<proceed xmlns='{tls}'/>"),
            ("xmpp", xmpp + f"<proceed xmlns='{tls}'></proceed>"), ("xmpp", xmpp + f"<failure xmlns='{tls}'/>"),
            ("xmpp", "<stream:stream><stream:error><host-unknown/>"), ("xmpp", "<stream:stream><stream:features/>"), ("xmpp", "<a></stream:stream>"),
            ("postgres", "S"), ("postgres", "N"), ("postgres", "ERROR"), ("postgres", "SS"),
            ("http", "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n"), ("http", "HTTP/1.0 407 no\r\n\r\n"), ("http", "HTTP/1.1 502 Bad\r\n"), ("http", "SSH-2.0\r\n"),
            ("socks5", "\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"), ("socks5", "\x05\x02\x01\x00\x05\x00\x00\x03\x03abc\x00\x00"),
            ("socks5", "\x05\x00\x05\x00\x00\x04" + 18 * "\0"), ("socks5", "\x05\xff"), ("socks5", "\x05\x02\x01\x01"), ("socks5", "\x05\x00\x05\x05"), ("socks5", "\x04\x00")]:
        for flags in (FOLLOWS, USER | BROKEN | 8):
            yield protocol, bytes([flags, PROTOCOLS.index(protocol)]) + words.encode("latin-1")


def lines():
    """Command lines: 0 is connect, 1 is listen."""
    for listens, words in [
            (0, "example.org:443"), (0, "--ca a.pem --pin " + 64 * "a" + " -4v [::1]:https"), (0, "--unix /x --name y --insecure"), (1, "*:0 --keep --max-connections 9"),
            (1, "--cert a --key b --key-password-file fd:3 127.0.0.1:1"), (0, "h:1 --alpn h2,http/1.1 --min 1.3 --max 1.2"), (0, "h:1 --starttls=xmpp --proxy socks5://a:%41@[::1]:2/"),
            (0, "h:1 --proxy http://p:99"), (0, "h:1 --timeout-close 0.5 --timeout-idle never --timeout-total 1000000000"), (0, "h:1 --end alert --session x"),
            (0, "h:1 --end stall --end-after 18446744073709551615"), (0, "h:1 --exec cat --until self --report fd:9"), (0, "--nmae x"), (0, "--tiemout-idle=3 h:1"),
            (0, "-- -x"), (0, "-h"), (1, "--version"), (0, "h:1 --pin sha256//" + 43 * "A" + "="), (1, "--client-ca a --accept-truncation -q 8"), (0, "--bind fe80::1 -6 h:70000"),
            (0, 17 * "--ca=a " + "h:1"), (1, 17 * f"--pin={64 * '0'} " + "1"), (0, 16 * "--ca=a " + "h:1"), (0, "--\x1b[2J h:1")]:
        yield "line", bytes([listens]) + words.replace(" ", "\n").encode()


def endings():
    """Hosts, and endings behind them."""
    for host in (b"example.org", b"", bytes(range(0x80, 0xa0)), "\u00e4".encode()):
        for kind in range(7):
            yield "ending", bytes([len(host)]) + host + bytes([kind, kind, kind, kind, kind, kind, kind, kind, 0, 104, 1, 2, 40, kind & 1, 1, 90, 1, 0]) + \
                bytes([kind, 1, 2, 9, 0, 7, 255, 40, 1, 1, 0, 0, 3, kind, 11, 4]) + b"\x1b\xffno" + bytes([kind, 0, 1, 3, 0, 9, 0, 8, 0, 30, 1, 0, 9])


def dictionary(words):
    return "".join(f'"{word}"\n' for word in words)


def option_words():
    """The options, and the words of their values."""
    rows = (pathlib.Path(__file__).resolve().parents[2] / "cli/options.def").read_text()
    names = re.findall(r'^OPTION\("([^"]+)", [^,]+, (NULL|"[^"]*")', rows, re.M)
    words = {word for _, value in names if "|" in value for word in value.strip('"').split("|") if word.islower() or "." in word}
    return [f"--{name}{'' if value == 'NULL' else '='}" for name, value in names] + sorted(words) + ["fd:", "never", "sha256//", "socks5://", "http://", "%41", "[::1]:"]


def dialogue_words():
    return ["220 ", "220-", "250 ", "250-", "234 ", "STARTTLS", "\\x0d\\x0a", "* OK ", "adieu1 OK", "+OK ", "PREAUTH", "BYE", "<proceed", "<starttls", "<stream:features>",
            "</stream:features>", "</proceed>", "<stream:error>", "</stream:stream>", "xmlns='urn:ietf:params:xml:ns:xmpp-tls'", "/>", "HTTP/1.1 200 ", "HTTP/1.0 407"]


# ------------------------------------------------ the config (config.c, materials.c)

SETTERS = """identity trust crl staple require_staple no_verify pin alpn ciphers groups throwaway versions numbers ticket_keys carry client
server stapled""".split()
MATERIALS = """nothing root chain key locked_key other_chain other_key other_root crl crl_revokes staple staple_revoked session_12
session_13""".split()
INSIDE, AND_MORE = 0x80, 0x40


def text(words):
    return len(words).to_bytes(2, "big") + words.encode()


def setter(name, *values):
    return bytes([SETTERS.index(name)]) + b"".join(value if isinstance(value, bytes) else bytes([value]) for value in values)


def of(name, edits=0, more=b""):
    return bytes([MATERIALS.index(name), edits]) + more


def raw(words):
    return of("nothing", 0, text(words))


def configs():
    """Setters, and then a client of the server's name."""
    root, host, own = setter("trust", of("root")), bytes([2]), setter("identity", of("chain"), of("key"), 0)
    bend = bytes([BEND, 0, 60, 1])
    yield "plain", root + setter("client", host)
    yield "untrusted", setter("trust", of("other_root")) + setter("client", host)
    yield "wrong_name", root + setter("client", 1, text("example.org"))
    yield "address", root + setter("client", 1, text("127.0.0.1"))
    yield "bad_name", root + setter("client", 1, text("a..b"))
    yield "nobody", setter("client", 0)
    yield "insecure", setter("no_verify") + setter("client", 0)
    yield "pinned", setter("pin", 0) + setter("client", 0)
    yield "other_pin", setter("pin", 1, b"x") + setter("client", host)
    for name in ("crl", "crl_revokes"):
        yield name, root + setter("crl", of(name)) + setter("client", host)
    yield "two_crls", root + setter("crl", of("crl", AND_MORE, bytes([MATERIALS.index("crl_revokes")]))) + setter("client", host)
    yield "staple", root + setter("require_staple") + setter("client", host)
    for name, edits in (("staple", b""), ("staple", bend), ("staple_revoked", b""), ("nothing", b"")):
        for old in (0, 1):
            yield "stapled", root + setter("require_staple") + setter("stapled", of(name, len(edits) // 4, edits), old)
    for version in ("12", "13"):
        yield "session", root + setter("client", 6, of("session_" + version))
        yield "bent_session", root + setter("client", 6, of("session_" + version, 1, bend))
        yield "other_session", setter("trust", of("other_root")) + setter("client", 6, of("session_" + version))
    yield "server", own + setter("staple", of("staple")) + setter("server")
    yield "revoked", own + setter("staple", of("staple_revoked")) + setter("server")
    yield "bent_staple", own + setter("staple", of("staple", 1, bend)) + setter("server")
    yield "locked", setter("identity", of("chain"), of("locked_key"), 1, text("secret")) + setter("server")
    yield "no_password", setter("identity", of("chain"), of("locked_key"), 0) + setter("server")
    yield "mismatch", own + setter("identity", of("chain"), of("other_key"), 0) + setter("server")
    yield "bent_chain", setter("identity", of("chain", INSIDE | 1, bend), of("key"), 0) + setter("server")
    yield "bent_key", setter("identity", of("chain"), of("key", INSIDE | 1, bend), 0) + setter("server")
    yield "bent_root", setter("trust", of("root", INSIDE | 1, bend)) + setter("client", host)
    yield "bent_crl", root + setter("crl", of("crl", INSIDE | 1, bend)) + setter("client", host)
    yield "no_pem", setter("trust", raw("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
    yield "throwaway", setter("throwaway", text("localhost")) + setter("server")
    yield "alpn", root + setter("alpn", 2, text("h2"), text("http/1.1")) + setter("client", host)
    yield "empty_alpn", setter("alpn", 1, text("")) + setter("alpn", 0)
    yield "ciphers", root + setter("ciphers", 3, text("TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"), text("ECDHE+AESGCM:!RSA")) + setter("client", host)
    yield "groups", root + setter("groups", text("X25519:P-256")) + setter("groups", text("nonsense")) + setter("client", host)
    yield "versions", root + setter("versions", 3, 3) + setter("versions", 4, 3) + setter("client", host)
    yield "carried", root + setter("carry") + setter("ticket_keys", 80, 80 * b"k") + setter("client", host)
    yield "numbers", b"".join(setter("numbers", which, 0, 3) for which in range(5)) + own + setter("client", host) + setter("server")
    yield "many", own + setter("numbers", 0, 0, 16) + setter("numbers", 1, 4, 0) + setter("numbers", 3, 1, 0) + setter("numbers", 4, 0, 2) + setter("server")
    yield "frozen", root + setter("client", host) + setter("trust", of("root")) + own


def config_words():
    return ["-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----", "-----BEGIN PRIVATE KEY-----", "-----BEGIN X509 CRL-----", "-----BEGIN TRUSTED CERTIFICATE-----", "Proc-Type: 4,ENCRYPTED",
            "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256", "HIGH", "!aNULL", "@SECLEVEL=0", "@STRENGTH", "X25519", "P-256", "P-384", "secp256k1",
            "h2", "http/1.1", "localhost", "127.0.0.1", "::1", "*.example.org", "xn--", "secret"]


# ------------------------------------------------


def main(folder):
    targets = {"client_talk": behind, "server_talk": behind, "client_handshake": within, "server_handshake": within,
               "dialogue": dialogues, "options": lines, "config": configs, "report": endings}
    for target, seeds in targets.items():
        place = pathlib.Path(folder) / target
        place.mkdir(parents=True, exist_ok=True)
        for number, (name, content) in enumerate(seeds()):
            (place / f"{number:02}-{name}").write_bytes(content)
    for target, words in {"options": option_words, "dialogue": dialogue_words, "config": config_words}.items():
        (pathlib.Path(folder) / f"{target}.dict").write_text("# SPDX-License-Identifier: MIT\n" + dictionary(words()))


if __name__ == "__main__":
    main(sys.argv[1])
