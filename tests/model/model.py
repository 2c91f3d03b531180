# SPDX-License-Identifier: MIT
"""
model.py PRINT_ROWS SPIN FOLDER CC...: searches every run of the model, in a folder of its own, and writes TAP. A run that breaks a
claim is printed step by step. With ADIEU_MODEL_LARGE in the environment the sizes of the long search are taken, too.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "house"))
import tap  # noqa: E402

PRINT_ROWS, SPIN, FOLDER, *CC = pathlib.Path(sys.argv[1]).resolve(), *sys.argv[2:]
# Far deeper than any run: a run that is longer is an error, and not cut off in silence.
DEPTH = 2000
LARGE = [{"LARGE": 1}, {"LARGE": 1, "WIRE": 2, "INPUT": 2}, {"WRITES": 2, "WIRE": 2}, {"ATTACKS": 2}]


class Search:
    """One search: what pan says of it."""

    def __init__(self, name, sizes, *, cycles=False):
        self.folder, self.sizes, self.cycles, self.whole = pathlib.Path(FOLDER) / name, sizes, cycles, False
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "closure.pml.trail").unlink(missing_ok=True)
        for file in HERE.glob("*.pml"):
            shutil.copy(file, self.folder)
        (self.folder / "rows.pml").write_text(self.call(PRINT_ROWS))
        self.call(SPIN, *(f"-D{word}={number}" for word, number in sizes.items()), "-a", "closure.pml")
        how = ["-DNP"] if cycles else ["-DSAFETY"]
        if LARGE_TOO:
            how.append("-DCOLLAPSE") # states are still kept whole, in less memory
        self.call(*CC, "-w", "-O2", f"-DMEMLIM={16000 if LARGE_TOO else 1500}", *how, "-o", "pan", "pan.c")
        self.said = self.call("./pan", f"-m{DEPTH}", "-b", "-w22", *(["-l"] if cycles else []))

    def call(self, *command):
        run = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert run.returncode == 0, f"{command[0]}: {(run.stdout + run.stderr)[-2000:]}"
        return run.stdout

    def number(self, what):
        found = re.search(rf"([\d.e+]+) {what}|{what} (\d+)", self.said)
        assert found, f"pan does not say {what!r}:\n{self.said[:2000]}"
        return int(float(found[1] or found[2]))

    def figures(self):
        sizes = " ".join(f"{word}={number}" for word, number in self.sizes.items()) or "as written"
        return (f"{sizes}: {self.number('states, stored'):,} states, {self.number('transitions'):,} transitions, "
                f"depth {self.number('depth reached')}")

    def steps(self):
        """The run that broke a claim, as spin replays it."""
        if not (self.folder / "closure.pml.trail").exists():
            return "there is no such run: the search itself broke off"
        replay = subprocess.run([SPIN, "-t", "-T", "closure.pml"], cwd=self.folder, capture_output=True, text=True, check=False)
        steps = [line for line in replay.stdout.splitlines() if re.match(r"[AB] |the |\s+<+START OF CYCLE", line)]
        return "\n".join([*steps, *self.broken(replay.stdout)])

    def broken(self, replayed):
        """The line of the claim, if it was one."""
        for file, line in re.findall(r"^spin: (\w+\.pml):(\d+), Error: assertion violated", replayed, re.MULTILINE):
            yield f"{file}:{line}: {(self.folder / file).read_text().splitlines()[int(line) - 1].strip()}"

    def finished(self):
        """Every state was seen, and nothing was wrong in any."""
        complaint = re.search(r"^pan:\d+: (assertion violated|.*)|^(error: .*)$", self.said, re.MULTILINE)
        assert not complaint, f"{complaint[1] or complaint[2]}\n{self.steps()}"
        assert self.number("errors:") == 0, self.said[-2000:]
        for bad in ("Search not completed", "search depth too small", "out of memory", "max search depth", "Bit statespace", "hash-compact"):
            assert bad not in self.said, f"{bad}:\n{self.said[:1000]}"
        assert "Full statespace search" in self.said, self.said[:1000]
        self.whole = True
        print(f"# {self.figures()}")


LARGE_TOO = "ADIEU_MODEL_LARGE" in os.environ
searches = {}


def small():
    if "small" not in searches:
        searches["small"] = Search("small", {})
    return searches["small"]


# ---------------------------------------------------------------- the claims


def no_run_breaks_a_claim_and_each_comes_to_an_end():
    """Without a deadlock (spin: an invalid end state). The claims are in claims.pml."""
    small().finished()


def was_whole():
    if not small().whole:
        raise tap.Skip("the search broke off")


def no_run_goes_in_a_circle():
    was_whole()
    Search("circles", {} if LARGE_TOO else {"ATTACKS": 0, "WRITES": 0}, cycles=True).finished()


def the_sixteen_joint_endings_are_reached():
    """That there is no other is asserted in each state."""
    was_whole()
    names = dict(re.findall(r"/\* joint (\d+): (.*) \*/", (small().folder / "rows.pml").read_text()))
    assert len(names) == 16, names
    missing = set(names) - set(re.findall(r"^joint (\d+) reached$", small().said, re.MULTILINE))
    assert not missing, "never reached: " + ", ".join(sorted(names[number] for number in missing))


def no_line_of_the_model_is_idle():
    """A step that is never taken is a claim about nothing."""
    was_whole()
    idle = re.findall(r"^\s+(\S+:\d+, state \d+, .*)$", small().said, re.MULTILINE)
    idle = [line for line in idle if "-end-" not in line] # the network may stop at any time, and never needs to
    assert not idle, "\n".join(idle)


def longer_runs_break_no_claim_either():
    for number, sizes in enumerate(LARGE):
        Search(f"large-{number}", sizes).finished()


if __name__ == "__main__":
    if not SPIN:
        print("1..0 # SKIP spin is missing")
        sys.exit(0)
    tap.run(no_run_breaks_a_claim_and_each_comes_to_an_end, no_run_goes_in_a_circle, the_sixteen_joint_endings_are_reached,
            no_line_of_the_model_is_idle, *([longer_runs_break_no_claim_either] if LARGE_TOO else []))
