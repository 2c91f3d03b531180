# SPDX-License-Identifier: MIT
"""What the peers are given: identities, data, and programs that are built once and kept in a folder under the build."""
import fcntl
import os
import pathlib
import shutil
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
DRIVERS = HERE / "peers" / "drivers"


class Identities:
    def __init__(self, pki, strangers):
        self.ca, self.strangers_ca = pki.ca, strangers.ca
        self.server, self.client = pki.server, pki.client
        self.strange_server, self.strange_client = strangers.server, strangers.client

    def of(self, side, kind):
        """The Identity of "server" or "client": kind good, strange, or none."""
        if kind == "none":
            return None
        return getattr(self, side if kind == "good" else f"strange_{side}")


def lines(size):
    return b"".join(b"%07d\n" % number for number in range((size + 7) // 8))[:size]


def folder():
    """Where built peers are kept: beside the program that is tested."""
    program = pathlib.Path(os.environ.get("ADIEU") or HERE.parents[1] / "build" / "adieu").resolve()
    place = program.parent / "interop-peers"
    try:
        place.mkdir(exist_ok=True)
    except OSError:
        pass
    if not os.access(place, os.W_OK):  # an installed program, or somebody else's: its folder is not ours
        place = pathlib.Path(tempfile.gettempdir()) / f"adieu-interop-peers-{os.getuid()}"
        place.mkdir(mode=0o700, exist_ok=True)
    return place


def remove(target):
    if target.is_dir():
        shutil.rmtree(target)


def built(name, sources, *command):
    """The file name in the cache, made by command (in which OUT is its path) if a source is newer. One maker at a time."""
    target = folder() / name
    with open(folder() / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists() or any(pathlib.Path(s).stat().st_mtime > target.stat().st_mtime for s in sources):
            remove(target)
            words = [str(target) + "~" if word == "OUT" else str(word) for word in command]
            made = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
            assert made.returncode == 0, f"{name} cannot be built:\n{' '.join(words)}\n{made.stdout}{made.stderr}"
            os.replace(str(target) + "~", target)
    return target
