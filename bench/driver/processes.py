# SPDX-License-Identifier: MIT
"""
Starting, pinning, waiting for and ending the programs that are measured. Every wait has a bound, and what was started here is ended here,
however the driver itself ends: it ends them on its way out, and servers end by themselves when their input does.
"""
import contextlib
import os
import re
import select
import signal
import subprocess
import tempfile
import time
import traceback

from clocks import rusage_seconds

CANNOT = 77  # a peer that cannot do what it is asked, and says why
RUNNING = set()
FAULTS = []  # what nobody had thought of
CORES = sorted(os.sched_getaffinity(0))
MEASURED, OTHER = CORES[-1], CORES[0]  # the first core has the most interrupts


class Unable(Exception):
    """A peer did not do what it was asked; the text says why."""

    def __init__(self, why, for_good=False):
        super().__init__(why)
        self.for_good = for_good  # and never will


@contextlib.contextmanager
def on(core):
    """What is started within runs on this core, from its first instruction: Go counts its cores when it starts."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def without_paths(text):
    """Where this tree happens to lie says nothing to a reader."""
    return re.sub(r"(?<![\w/])(/[\w.+-]+)+/", "", text)


def fault(error):
    """What nobody had thought of: told at length, and as a reason that stands where a figure would. Nobody else's figures are lost over it."""
    traceback.print_exception(error)
    FAULTS.append(error)
    return Unable(f"a fault of the driver: {type(error).__name__}: {without_paths(str(error))[:200]}")


class Running:
    """A process, its output read line by line."""

    def __init__(self, command, core, environment=None, stdin=subprocess.PIPE, stdout=subprocess.PIPE):
        self.errors = tempfile.TemporaryFile()
        self.buffered = b""
        with on(core):
            try:
                self.process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=self.errors,
                                                env={**os.environ, **(environment or {})})
            except OSError as error:
                raise Unable(f"it cannot be started: {error.strerror}", for_good=True) from None
        self.began = time.monotonic()
        self.pid = self.process.pid
        RUNNING.add(self)

    def line(self, seconds):
        """The next line of its output, without its end."""
        by = time.monotonic() + seconds
        while b"\n" not in self.buffered:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, by - time.monotonic()))
            if not ready:
                raise Unable(f"no answer within {seconds:g} s{self.last_words()}")
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                status = self.ended(5)[0]
                raise Unable(f"it ended with status {status}{self.last_words()}", for_good=status == CANNOT)
            self.buffered += piece
        line, _, self.buffered = self.buffered.partition(b"\n")
        return line.decode(errors="replace").strip()

    def tell(self, text):
        try:
            self.process.stdin.write(text.encode())
            self.process.stdin.flush()
        except OSError:
            raise Unable(f"it takes no more orders{self.last_words()}") from None

    def last_words(self):
        """The last line of its standard error: the reason, in its own words."""
        lines = os.pread(self.errors.fileno(), 4096, max(0, os.fstat(self.errors.fileno()).st_size - 4096)).decode(errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return f": {without_paths(said[-1])[:200]}" if said else ""

    def ended(self, seconds):
        """Waits for its end: (status, CPU seconds, seconds since its start). The kernel's account includes threads that are gone."""
        if self.process.returncode is None:
            handle = os.pidfd_open(self.pid)
            try:
                if not select.select([handle], [], [], seconds)[0]:
                    raise Unable(f"not done within {seconds:g} s{self.last_words()}")
                self.took = time.monotonic() - self.began
                _, status, usage = os.wait4(self.pid, 0)
            finally:
                os.close(handle)
            self.process.returncode = os.waitstatus_to_exitcode(status)
            self.cpu = rusage_seconds(usage)
        return self.process.returncode, self.cpu, self.took

    def is_gone(self):
        try:
            self.ended(0)
        except Unable:
            return False
        return True

    def well_ended(self, seconds):
        status, cpu, took = self.ended(seconds)
        if status != 0:
            raise Unable(f"it ended with status {status}{self.last_words()}", for_good=status == CANNOT)
        return cpu, took

    def end(self, patience=0.5):
        """Whatever it is doing. Its input ends first, which is a server's order to exit."""
        try:
            if self.process.stdin:
                with contextlib.suppress(OSError):
                    self.process.stdin.close()
            try:
                self.ended(patience)
            except Unable:
                self.process.send_signal(signal.SIGKILL)
                self.ended(10)
        finally:
            for file in (self.process.stdout, self.errors):
                if file:
                    file.close()
            RUNNING.discard(self)


@contextlib.contextmanager
def running(*words, **how):
    program = Running(*words, **how)
    try:
        yield program
    finally:
        program.end()


def end_all():
    for program in list(RUNNING):
        program.end(patience=0)
