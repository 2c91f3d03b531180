# SPDX-License-Identifier: MIT
"""
The long-lived programs: started here, asked how they stand, and ended here by their pids, however the driver ends. They end by themselves when
their input does.
"""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = os.sysconf("SC_CLK_TCK")
# What glibc keeps for a thread's next malloc() counts as in use, and fills for hours as rare sizes come by.
EXACT = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}


class Broken(Exception):
    """A program did not do what it should; the text says which, and its last words."""


# Whose input does not end with the driver is ended by the kernel, even if the driver was killed.
WITH_US = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []


class Program:
    """One of ours (speaks lines), or any other that runs as long (command)."""

    def __init__(self, name, command, speaks=True):
        self.name = name
        self.speaks = speaks
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command if speaks else WITH_US + command, stdin=subprocess.PIPE if speaks else subprocess.DEVNULL,
                                        stdout=subprocess.PIPE if speaks else self.errors, stderr=self.errors,
                                        env={**os.environ, **EXACT})
        self.pid = self.process.pid
        self.proc = pathlib.Path("/proc") / str(self.pid)
        self.buffered = b""
        self.stand = None  # its last answer: a dict
        if speaks:
            os.set_blocking(self.process.stdout.fileno(), False)

    def lines(self):
        """What it has said, without waiting."""
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self.process.stdout.fileno(), 65536):
                self.buffered += piece
        *whole, self.buffered = self.buffered.split(b"\n")
        return [line.decode() for line in whole]

    def tell(self, order):
        try:
            self.process.stdin.write(order.encode())
            self.process.stdin.flush()
        except OSError:
            raise Broken(f"{self.name} takes no orders{self.last_words()}") from None

    def last_words(self):
        size = os.fstat(self.errors.fileno()).st_size
        text = os.pread(self.errors.fileno(), 4000, max(0, size - 4000)).decode(errors="replace").strip()
        return f": {text}" if text else ""

    def check(self):
        status = self.process.poll()
        if status is not None:
            raise Broken(f"{self.name} ended with status {status}{self.last_words()}")

    def measured(self):
        """What the kernel says of it: bytes, numbers, CPU seconds."""
        stat = (self.proc / "stat").read_text().rsplit(")", 1)[1].split()
        pss = next((int(line.split()[1]) * 1024 for line in (self.proc / "smaps_rollup").read_text().splitlines() if line.startswith("Pss:")), 0)
        return {"rss": int(stat[21]) * PAGE, "pss": pss, "fds": len(os.listdir(self.proc / "fd")), "threads": int(stat[17]),
                "cpu": (int(stat[11]) + int(stat[12])) / TICK}

    def end(self, patience=5.0):
        """Its input ends first: then it ends by itself. Its status."""
        if self.speaks:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        else:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(10)
        finally:
            for file in (self.process.stdout, self.errors):
                if file:
                    file.close()
        return self.process.returncode

    def wait(self, patience):
        """A pipe that nobody empties would keep it from ending."""
        by = time.monotonic() + patience
        while self.process.poll() is None:
            if self.speaks:
                self.lines()
            if time.monotonic() > by:
                raise subprocess.TimeoutExpired(self.name, patience)
            time.sleep(0.02)
