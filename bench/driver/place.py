# SPDX-License-Identifier: MIT
"""Where things are, and how much is done of each."""
import dataclasses
import pathlib
import subprocess
import tempfile

from processes import Unable


@dataclasses.dataclass
class Place:
    build: pathlib.Path
    sources: pathlib.Path  # bench/
    folder: pathlib.Path  # temporary
    quick: bool = False  # a try: too little to believe in

    @property
    def cert(self):
        return self.folder / "cert.pem"

    @property
    def key(self):
        return self.folder / "key.pem"

    def size(self, number):
        return max(1, number // 10) if self.quick else number

    def rounds(self, least=5, most=11):
        """(at least, at most), behind the warm-up."""
        return (1, 1) if self.quick else (least, most)


def make_certificate(place):
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
               "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", place.key, "-out", place.cert]
    try:
        subprocess.run(command, check=True, timeout=30, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        raise Unable(f"openssl makes no certificate: {error.stderr.strip()[-200:]}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unable(f"the command openssl makes no certificate: {error}") from None


def temporary():
    return tempfile.TemporaryDirectory(prefix="adieu-bench-")
