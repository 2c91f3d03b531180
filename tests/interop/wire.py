# SPDX-License-Identifier: MIT
"""What was on the wire: packets of the loopback device, put together again into what each side sent.

Needs the right to open a packet socket; without it there is no observer, and tests that ask for one are content with less.
An encrypted alert is known by its size: in TLS 1.3 it is a record of 19 bytes (level, number, type, tag), with Java's padding of 35, and
the tests send no data of such sizes; in TLS 1.2 its type is plain.
"""
import contextlib
import ctypes
import socket
import struct
import threading
import time

ETH_IP, OUTGOING, ALERT, DATA, CHANGE_CIPHER = 0x0800, 4, 21, 23, 20
ENCRYPTED_ALERTS = (19, 35)
SO_ATTACH_FILTER, SO_RCVBUFFORCE, SOL_PACKET, PACKET_STATISTICS = 26, 33, 263, 6


def only_port(port):
    """A classic BPF program that lets pass TCP from or to port (tcpdump -ddd writes the same)."""
    steps = [(0x30, 0, 0, 9), (0x15, 0, 8, 6), (0x28, 0, 0, 6), (0x45, 6, 0, 0x1FFF), (0xB1, 0, 0, 0), (0x48, 0, 0, 0),
             (0x15, 2, 0, port), (0x48, 0, 0, 2), (0x15, 0, 1, port), (0x06, 0, 0, 0x40000), (0x06, 0, 0, 0)]
    return b"".join(struct.pack("HBBI", *step) for step in steps), len(steps)


class Direction:
    """What one side has sent: its bytes in order, and how its TCP ended. saw: the story in order, for people."""

    def __init__(self):
        self.first, self.bytes, self.waiting = None, bytearray(), {}
        self.fin = self.reset = False
        self.fin_at = None

    def packet(self, sequence, flags, payload):
        if flags & 2:  # SYN counts as one
            self.first = (sequence + 1) & 0xFFFFFFFF
        if flags & 4:
            self.reset = True
        if self.first is None:
            return
        at = (sequence - self.first) & 0xFFFFFFFF
        if payload and at < 1 << 31:
            self.waiting[at] = max(payload, self.waiting.get(at, b""), key=len)
        if flags & 1:
            self.fin_at = at + len(payload)
        self.join()
        self.fin = self.fin or self.fin_at == len(self.bytes)

    def join(self):
        for at in sorted(self.waiting):
            if at > len(self.bytes):
                break
            self.bytes += self.waiting.pop(at)[len(self.bytes) - at:]

    def records(self):
        """(type, size, body of a plain alert or None) of every whole record; a last (None, ...) if one was cut."""
        at, encrypted = 0, False
        while at + 5 <= len(self.bytes):
            kind, _, size = struct.unpack_from("!BHH", self.bytes, at)
            if at + 5 + size > len(self.bytes):
                break
            body = bytes(self.bytes[at + 5:at + 5 + size]) if kind == ALERT and not encrypted else None
            encrypted = encrypted or kind in (CHANGE_CIPHER, DATA)
            yield kind, size, body
            at += 5 + size
        if at < len(self.bytes):
            yield None, len(self.bytes) - at, None

    def said_alert(self):
        """Whether an alert, close_notify included, was the last whole record."""
        whole = [record for record in self.records() if record[0] is not None]
        return bool(whole) and is_alert(*whole[-1][:2])

    def alerts(self):
        return [record for record in self.records() if is_alert(*record[:2])]

    def story(self):
        """How it ended, in words: "an alert, FIN"."""
        ends = [name for name, seen in (("an alert", self.alerts()), ("FIN", self.fin), ("RST", self.reset)) if seen]
        return ", ".join(ends) or "nothing"


def is_alert(kind, size):
    return kind == ALERT or (kind == DATA and size in ENCRYPTED_ALERTS)


class Observer:
    """Watches one port of loopback, from its making until its end. sent_by(port) is what left that port; the other is the rest."""

    def __init__(self, port):
        self.port, self.server, self.client = port, Direction(), Direction()
        self.complete, self.over = True, threading.Event()
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        program, count = only_port(port)
        kept = ctypes.create_string_buffer(program)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", count, ctypes.addressof(kept)))
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.socket.bind(("lo", ETH_IP))
        self.socket.settimeout(0.05)
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while True:
            try:
                packet, address = self.socket.recvfrom(1 << 18)
            except TimeoutError:
                if self.over.is_set():
                    return
                continue
            if address[2] != OUTGOING:  # on loopback every packet is seen twice
                self.take(packet)

    def take(self, packet):
        head = (packet[0] & 15) * 4
        source, _, sequence, _, offset, flags = struct.unpack_from("!HHIIBB", packet, head)
        end = struct.unpack_from("!H", packet, 2)[0] or len(packet)
        payload = packet[head + (offset >> 4) * 4:end]
        (self.server if source == self.port else self.client).packet(sequence, flags, payload)

    def settle(self, seconds=1.0):
        """Waits until both directions' ends were seen, a little; then no more is watched."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not (self.ended(self.server) and self.ended(self.client)):
            time.sleep(0.01)
        self.over.set()
        self.thread.join(10)
        dropped = struct.unpack("II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        self.complete = not dropped and not self.server.waiting and not self.client.waiting
        self.socket.close()

    def ended(self, side):
        return side.fin or side.reset or self.server.reset or self.client.reset


def observe(port):
    """An Observer, or None where that is not allowed."""
    try:
        return Observer(port)
    except PermissionError:
        return None
