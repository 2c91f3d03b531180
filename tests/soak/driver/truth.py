# SPDX-License-Identifier: MIT
"""
Whether what both sides say of a connection is true: each ending is one that the story allows, and the two go together. What cannot be is a
Lie, with the seed by which the client repeats it.
"""
import dataclasses
import subprocess

ORPHAN_S = 45  # the other side's line comes within this time
VANISHES = 16  # as in stories.h: the other side may not have learnt who it was


class Lie(Exception):
    """The text says which connection, and what is wrong."""


@dataclasses.dataclass(frozen=True)
class Story:
    name: str
    limits: int
    meddled: bool  # somebody stands between the two
    endings: tuple  # of the first side, and of the second: sets of "sending/receiving"
    steps: tuple


@dataclasses.dataclass
class Line:
    """What a program of ours says of one connection: talk_report() in talk.c."""
    side: str
    target: int  # a client's: the number of its server
    story: int
    swapped: int
    tls13: int
    port: int
    seed: int
    ending: str
    phase: str
    first: str
    after: str
    reason: str
    error: str
    alert_sent: int
    alert_received: int
    taken: int
    sent: int
    acknowledged: int
    received: int
    discarded: int
    resumed: int
    cancels: int
    shake_us: int
    echo_us: int
    close_us: int
    trouble: str
    came: float = 0.0

    @classmethod
    def of(cls, text):
        words = text.split()[1:]
        fields = [field for field in dataclasses.fields(cls) if field.name != "came"]
        return cls(**{field.name: field.type(word) for field, word in zip(fields, words, strict=True)})

    @property
    def sending(self):
        return self.ending.split("/")[0]

    @property
    def receiving(self):
        return self.ending.split("/")[1]


def stories_of(program):
    text = subprocess.run([program, "stories"], check=True, capture_output=True, text=True, timeout=30).stdout
    rows = [line.split("\t") for line in text.splitlines()]
    return [Story(name, int(limits), wire != "0", (frozenset(first.split("|")), frozenset(second.split("|"))), tuple(steps))
            for _, name, limits, wire, first, second, *steps in rows]


def one_side(line):
    """What holds for each side by itself."""
    if line.trouble != "-":
        return f"it is {line.trouble}"
    if not line.sent <= line.taken:
        return f"{line.sent} bytes sent of {line.taken} taken"
    if line.acknowledged > line.sent:
        return f"{line.acknowledged} bytes acknowledged of {line.sent} sent"
    if line.receiving == "alerted" and line.alert_received < 0 and line.error != "closed_early":
        return "alerted, without an alert"
    if line.sending == "closed" and line.sent != line.taken:
        return f"closed, and {line.sent} bytes sent of {line.taken}"
    return None


def one_way(speaker, listener):
    """What one side heard, against what the other said."""
    heard = listener.received + listener.discarded
    if heard > speaker.taken:
        return f"{heard} bytes heard of {speaker.taken} said"
    if listener.receiving == "closed" and (speaker.sending != "closed" or heard != speaker.taken):
        return f"the {listener.side} heard an end behind {heard} bytes of a side that is {speaker.sending} behind {speaker.taken}"
    if listener.receiving == "alerted" and listener.alert_received != speaker.alert_sent:
        return f"the {listener.side} heard alert {listener.alert_received}, and {speaker.alert_sent} was sent"
    return None


class Truth:
    """Joins the lines of both sides. keys are (server, story, flags, port)."""

    def __init__(self, stories):
        self.stories = stories
        self.waiting = {}
        self.checked = self.unpaired = 0
        self.seen = {}  # (story, side, ending): how often
        self.joint = {}  # an ending of either side: how often
        self.pairs = []  # checked since the last look: (client, server)

    def allowed(self, line):
        story = self.stories[line.story]
        return story.endings[(line.side == "server") != bool(line.swapped)]

    def told(self, text, server, now):
        """A line of either side; server is the number of the one that says it, None for a client."""
        line = Line.of(text)
        line.came = now
        if server is None:
            server = line.target
        if line.story < 0:
            return line
        key = (server, line.story, line.swapped, line.tls13, line.port)
        other = self.waiting.pop(key, None)
        if other is None or other.side == line.side:
            self.waiting[key] = line
            if other is not None and not self.stories[line.story].limits & VANISHES:
                self.complain(other, "the other side of it said nothing")
            return line
        self.check(*sorted((line, other), key=lambda one: one.side))
        return line

    def check(self, client, server):
        server.seed = client.seed
        for line in (client, server):
            self.count(line)
            problem = one_side(line)
            if problem is None and line.ending not in self.allowed(line):
                problem = f"it ended {line.ending}, which is none of {', '.join(sorted(self.allowed(line)))}"
            if problem:
                self.complain(line, problem)
        problem = one_way(client, server) or one_way(server, client)
        if problem:
            self.complain(client, problem)
        self.checked += 1
        self.pairs.append((client, server))

    def count(self, line):
        for table, key in ((self.seen, (line.story, line.side, line.swapped, line.ending)), (self.joint, line.ending)):
            table[key] = table.get(key, 0) + 1

    def complain(self, line, problem):
        story = self.stories[line.story]
        role = "second" if (line.side == "server") != bool(line.swapped) else "first"
        raise Lie(f"seed {line.seed}, {story.name}, TLS 1.{3 if line.tls13 else 2}, the {line.side} ({role} side): {problem} [{line}]")

    def orphans(self, now):
        """Those whose other side was not heard of in time."""
        for key, line in list(self.waiting.items()):
            if now - line.came <= ORPHAN_S:
                continue
            del self.waiting[key]
            if self.stories[line.story].limits & VANISHES and not one_side(line):
                self.unpaired += 1
            else:
                self.complain(line, "the other side of it said nothing")
