# SPDX-License-Identifier: MIT
"""Whom the two commands trust, what they say when they do not, and what the other side hears."""
import base64
import os
import shutil
import ssl

import pytest

from lib_command import Authority, openssl
from lib_claims import BOTH_VERSIONS, expect, fact, orderly
from lib_claims import answer, dial, serve, tls  # noqa: F401  # fixtures

SECRET = b"not for everybody"

pytestmark = BOTH_VERSIONS


@pytest.fixture(scope="session")
def strangers(tmp_path_factory):
    """An authority that nobody trusts."""
    return Authority(tmp_path_factory.mktemp("strangers"), "Somebody else's authority")


@pytest.fixture
def meet(start, listen):
    """meet(connect's options, listen's options) -> both Results. Each sends the secret."""
    def do(version, connect, listening):
        listener = listen("--max", version, *listening, input=SECRET)
        dialer = start("connect", f"127.0.0.1:{listener.port}", *connect, input=SECRET)
        return dialer.wait(), listener.wait()
    return do


def as_server(pki):
    return ["--cert", pki.server.cert, "--key", pki.server.key]


def met(results, **facts):
    """Both ended in order, both have the other's secret; the facts are of connect's report."""
    here, there = results
    assert here.out == there.out == SECRET
    orderly(here, **facts)
    return orderly(there)


def refused(results, number, name):
    """connect refuses: its alert leaves, and listen hears it; nobody learns anything."""
    here, there = results
    alert = {"level": 2, "number": number, "name": name}
    expect(here, 6, sending="aborted", receiving="rejected", error_code="refused", alert_sent=alert, bytes_taken=0)
    expect(there, 5, sending="failed", receiving="alerted", error_code="alerted", alert_received=alert)
    assert here.out == there.out == b"" and SECRET not in here.err.encode()
    return here


def test_a_known_authority_and_the_right_name(meet, pki, version):
    met(meet(version, ["--ca", pki.ca, "--name", "localhost"], as_server(pki)), verified="name", tls="TLSv" + version)


def test_the_address_itself_is_verified_where_no_name_is_given(meet, pki, version):
    met(meet(version, ["--ca", pki.ca], as_server(pki)), verified="name")


def test_an_unknown_authority_is_refused(meet, pki, version):
    refused(meet(version, ["--name", "localhost"], as_server(pki)), 48, "unknown_ca")


def test_another_authority_is_refused(meet, pki, strangers, version):
    refused(meet(version, ["--name", "localhost", "--ca", strangers.ca], as_server(pki)), 48, "unknown_ca")


def test_another_name_is_refused(meet, pki, version):
    here, there = meet(version, ["--ca", pki.ca, "--name", "elsewhere.example"], as_server(pki))
    expect(here, 6, receiving="rejected", error_code="refused")
    assert "elsewhere.example" in fact(here, "error_text")
    expect(there, 5, receiving="alerted")
    assert fact(here, "alert_sent") == fact(there, "alert_received") is not None


def test_an_expired_certificate_is_refused(meet, pki, version):
    expired = pki.issue("localhost", "DNS:localhost", days=-1)
    here = refused(meet(version, ["--ca", pki.ca, "--name", "localhost"], ["--cert", expired.cert, "--key", expired.key]),
                   45, "certificate_expired")
    assert "expired" in fact(here, "error_text")


def test_insecure_takes_anybody_and_says_so(meet, pki, version):
    met(meet(version, ["--insecure"], as_server(pki)), verified="no")


def test_an_unhashed_directory_of_authorities_will_do(meet, pki, strangers, tmp_path, version):
    (tmp_path / "authorities").mkdir()
    shutil.copy(pki.ca, tmp_path / "authorities" / "ours.pem")
    shutil.copy(strangers.ca, tmp_path / "authorities" / "theirs.crt")
    met(meet(version, ["--ca", tmp_path / "authorities", "--name", "localhost"], as_server(pki)), verified="name")


def test_ssl_cert_file_names_the_systems_authorities(answer, start, pki, version):
    listener = answer("--max", version)
    orderly(start("connect", f"127.0.0.1:{listener.port}", env={"SSL_CERT_FILE": pki.ca}).wait(), verified="name")
    orderly(listener.wait())


def test_ssl_cert_dir_names_the_systems_authorities(answer, start, pki, tmp_path, version):
    shutil.copy(pki.ca, tmp_path / "ours.pem")
    openssl("rehash", tmp_path)
    listener = answer("--max", version)
    nothing = {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": str(tmp_path)}
    orderly(start("connect", f"127.0.0.1:{listener.port}", env=nothing).wait(), verified="name")
    orderly(listener.wait())


# ---------------------------------------------------------------- pins


@pytest.mark.parametrize("spelling", ["hex", "colons", "base64"])
def test_the_right_pin_alone_is_trust_enough(meet, pki, version, spelling):
    pin = pki.pin(pki.server)
    written = {"hex": pin, "colons": ":".join(pin[i:i + 2] for i in range(0, 64, 2)).upper(),
               "base64": "sha256//" + base64.b64encode(bytes.fromhex(pin)).decode()}[spelling]
    met(meet(version, ["--pin", written], as_server(pki)), verified="pin")


def test_a_pin_needs_no_date_no_name_and_no_authority(meet, pki, version):
    expired = pki.issue("elsewhere.example", days=-1)
    met(meet(version, ["--pin", pki.pin(expired)], ["--cert", expired.cert, "--key", expired.key]), verified="pin")


def test_a_wrong_pin_is_refused(meet, pki, version):
    here, there = meet(version, ["--pin", pki.pin(pki.client)], as_server(pki))
    expect(here, 6, receiving="rejected", error_code="refused")
    expect(there, 5, receiving="alerted")
    assert "pin" in fact(here, "error_text")
    assert here.out == there.out == b""


@pytest.mark.parametrize("wrong", ["pin", "authority"])
def test_a_pin_and_an_authority_must_both_hold(meet, pki, strangers, version, wrong):
    pin = pki.pin(pki.client if wrong == "pin" else pki.server)
    ca = strangers.ca if wrong == "authority" else pki.ca
    here, there = meet(version, ["--pin", pin, "--ca", ca, "--name", "localhost"], as_server(pki))
    expect(here, 6, error_code="refused")
    expect(there, 5)


def test_a_pin_is_held_against_the_server_even_if_insecure(meet, pki, version):
    here, _ = meet(version, ["--insecure", "--pin", pki.pin(pki.client)], as_server(pki))
    expect(here, 6, error_code="refused")


def test_the_throwaway_identity_is_trusted_by_the_pin_that_listen_prints(listen, start, version):
    listener = listen("--max", version, input=SECRET)
    result = start("connect", f"127.0.0.1:{listener.port}", "--pin", listener.pin, input=SECRET).wait()
    met((result, listener.wait()), verified="pin")


# ---------------------------------------------------------------- client certificates


def connect_options(pki, identity=None):
    return ["--ca", pki.ca, *(["--cert", identity.cert, "--key", identity.key] if identity else [])]


def test_a_required_client_certificate_that_is_there(meet, pki, version):
    there = met(meet(version, connect_options(pki, pki.client), [*as_server(pki), "--client-ca", pki.ca]))
    expect(there, 0, verified="authority")


def test_a_required_client_certificate_that_is_missing(meet, pki, version):
    """TLS 1.3: connect's own handshake had succeeded; the alert is still found, whatever it was doing."""
    here, there = meet(version, connect_options(pki), [*as_server(pki), "--client-ca", pki.ca])
    number, name = (116, "certificate_required") if version == "1.3" else (40, "handshake_failure")
    alert = {"level": 2, "number": number, "name": name}
    expect(here, 5, receiving="alerted", error_code="alerted", alert_received=alert)
    expect(there, 6, receiving="rejected", error_code="refused", alert_sent=alert)
    assert there.out == b"" and here.out == b""


def test_a_client_certificate_of_strangers_is_refused(meet, pki, strangers, version):
    here, there = meet(version, connect_options(pki, strangers.client), [*as_server(pki), "--client-ca", pki.ca])
    alert = {"level": 2, "number": 48, "name": "unknown_ca"}
    expect(here, 5, receiving="alerted", alert_received=alert)
    expect(there, 6, receiving="rejected", error_code="refused", alert_sent=alert)


def test_listen_trusts_a_client_by_its_pin(meet, pki, version):
    there = met(meet(version, connect_options(pki, pki.client), [*as_server(pki), "--pin", pki.pin(pki.client)]))
    expect(there, 0, verified="pin")


def test_a_client_with_another_pin_is_refused(meet, pki, version):
    here, there = meet(version, connect_options(pki, pki.client), [*as_server(pki), "--pin", pki.pin(pki.server)])
    expect(here, 5, receiving="alerted")
    expect(there, 6, error_code="refused")


def test_a_client_without_a_certificate_is_refused_where_a_pin_is_wanted(meet, pki, version):
    here, there = meet(version, connect_options(pki), [*as_server(pki), "--pin", pki.pin(pki.client)])
    expect(here, 5, receiving="alerted")
    expect(there, 6, error_code="refused")


def test_a_python_server_sees_our_client_certificate(serve, dial, tls, pki, version):
    def script(peer):
        subject = peer.tls.getpeercert()["subject"]
        peer.read_to_end()
        peer.goodbye()
        return subject

    peer = serve(script, context=tls.server(version, client_ca=pki.ca))
    orderly(dial(peer.port, "--cert", pki.client.cert, "--key", pki.client.key).wait())
    assert peer.result() == ((("commonName", "client"),),)


# ---------------------------------------------------------------- what both must agree on


def test_a_protocol_in_common_is_agreed_on_by_the_servers_taste(meet, pki, version):
    there = met(meet(version, ["--ca", pki.ca, "--alpn", "a/1,b/2,c/3"], [*as_server(pki), "--alpn", "c/3,b/2"]), alpn="c/3")
    expect(there, 0, alpn="c/3")


def test_no_protocol_in_common_is_an_alert(meet, pki, version):
    here, there = meet(version, ["--ca", pki.ca, "--alpn", "a/1"], [*as_server(pki), "--alpn", "b/2"])
    alert = {"level": 2, "number": 120, "name": "no_application_protocol"}
    expect(here, 5, receiving="alerted", alert_received=alert)
    expect(there, 6, receiving="rejected", alert_sent=alert)


def test_a_protocol_that_is_not_offered_is_not_demanded(meet, pki, version):
    met(meet(version, ["--ca", pki.ca], [*as_server(pki), "--alpn", "b/2"]), alpn=None)


def test_a_python_client_agrees_on_a_protocol(answer, tls, version):
    from lib_peer import connect
    listener = answer("--alpn", "h2,http/1.1")
    peer = connect(listener.port, tls.client(version, alpn=["http/1.1"]))
    assert peer.tls.selected_alpn_protocol() == "http/1.1"
    peer.close_notify()
    assert peer.read_to_end() == (b"", "close_notify")
    peer.goodbye()
    peer.close()
    orderly(listener.wait(), alpn="http/1.1")


def test_versions_that_do_not_meet_are_an_alert(meet, pki, version):
    ours, theirs = ("--min=1.3", "1.2") if version == "1.2" else ("--max=1.2", "1.3")
    listening = [*as_server(pki)] + (["--min=1.3"] if theirs == "1.3" else [])
    here, there = meet(version, ["--ca", pki.ca, ours], listening)
    alert = {"level": 2, "number": 70, "name": "protocol_version"}
    expect(here, 5, receiving="alerted", alert_received=alert, tls=None, phase="handshaking")
    expect(there, 6, receiving="rejected", alert_sent=alert, tls=None)


def test_a_python_server_of_another_version_is_an_alert(serve, dial, tls, version):
    other = {"1.2": "1.3", "1.3": "1.2"}[version]

    def script(peer):
        with pytest.raises(ssl.SSLError):
            peer.handshake()
        peer.fin()
        return peer.drain()

    peer = serve(script, context=tls.server(version), handshake=False)
    result = dial(peer.port, f"--min={other}", f"--max={other}", input=SECRET).wait()
    expect(result, 5, receiving="alerted", alert_received_name="protocol_version", alert_received_number=70)
