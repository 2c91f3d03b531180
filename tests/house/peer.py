# SPDX-License-Identifier: MIT
"""`adieu listen` as the other side of a program under test. Nothing here waits without a bound."""
import contextlib
import re
import subprocess
import threading

BOUND = 30


def run(*command, **more):
    """Runs it to its end, which must be status 0."""
    done = subprocess.run([str(word) for word in command], capture_output=True, timeout=BOUND, **more)
    assert done.returncode == 0, (f"{' '.join(map(str, command))}: status {done.returncode}\n"
                                  f"{done.stdout.decode()}{done.stderr.decode()}")
    return done


class Listener:
    """Says reply to one client, and takes what it says: .port, .pin (None with an identity of its own), .took(), .status()."""

    def __init__(self, adieu, reply, *options):
        self.process = subprocess.Popen([adieu, "listen", "127.0.0.1:0", *options], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.watchdog = threading.Timer(BOUND, self.process.kill)
        self.watchdog.start()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(reply)
            self.process.stdin.close()
        self.port = self.said(rb"listening on \S+:(\d+)$")
        self.pin = None if options else self.said(rb"--pin (\w{64})$")

    def said(self, pattern):
        line = self.process.stderr.readline().strip()
        found = re.search(pattern, line)
        if not found:
            self.release()
            raise AssertionError(f"adieu listen said: {line.decode()}")
        return found[1].decode()

    def took(self):
        return self.process.stdout.read()

    def status(self):
        return self.process.wait(BOUND)

    def release(self):
        self.watchdog.cancel()
        self.process.kill()
        self.process.wait(BOUND)
        self.process.stdout.close()
        self.process.stderr.close()


@contextlib.contextmanager
def listener(adieu, reply, *options):
    it = Listener(adieu, reply, *options)
    try:
        yield it
    finally:
        it.release()
