# SPDX-License-Identifier: MIT
"""What the kernel and the counting heap say of a process."""
import struct
import time


def cpu_seconds(pid):
    """The process's own clock, to the nanosecond, with the threads that it has and those that are gone (clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


def rusage_seconds(usage):
    return usage.ru_utime + usage.ru_stime


def resident_bytes(pid):
    """What it has in memory of its own: not its program and libraries, which it shares."""
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    raise ValueError("this kernel does not tell RssAnon")


def heap_bytes(path):
    """What a program under libheap.so has allocated now. It maps this file, so a read sees what it last wrote."""
    with open(path, "rb") as file:
        return struct.unpack("=Q", file.read(8))[0]
