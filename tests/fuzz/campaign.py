# SPDX-License-Identifier: MIT
"""Runs the fuzzers, each for so much time of a processor, and says what came of it.

campaign.py run BUILD WORK [--seconds N] [TARGET...]   on top of the corpora of tests/fuzz and what WORK has from earlier runs
campaign.py table WORK                                 the table again
campaign.py keep BUILD WORK [TARGET...]                what is worth keeping of both, as the new corpora of tests/fuzz
"""
import argparse
import contextlib
import hashlib
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
MOST_FILES, MOST_BYTES = 30, 4096
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:allocator_may_return_null=1",
              "UBSAN_OPTIONS": "print_stacktrace=1"}


def targets_of(build, wanted):
    there = sorted(path.name[len("fuzz-"):] for path in (build / "tests/fuzz").glob("fuzz-*") if path.is_file())
    unknown = set(wanted) - set(there)
    if unknown or not there:
        sys.exit(f"no such target: {' '.join(unknown)}; there are: {' '.join(there)}")
    return wanted or there


def once(build, work, target, seconds):
    """One run of the fuzzer; how much time of a processor it took, and whether it found something."""
    corpus, findings = work / "corpus" / target, work / "found" / target
    for folder in (corpus, findings, work / "logs"):
        folder.mkdir(parents=True, exist_ok=True)
    dictionary = HERE / f"{target}.dict"
    command = [build / "tests/fuzz" / f"fuzz-{target}", corpus, *(folder / target for folder in (HERE / "corpus", HERE / "found")
                                                                  if (folder / target).is_dir()),
               f"-max_total_time={seconds}", "-max_len=4096", "-len_control=20", "-rss_limit_mb=2048", "-timeout=20", "-use_value_profile=1",
               "-print_final_stats=1", f"-artifact_prefix={findings}/", *([f"-dict={dictionary}"] if dictionary.exists() else [])]
    number = len(list((work / "logs").glob(f"{target}.*.log")))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(work / "logs" / f"{target}.{number}.log", "w") as log:
        log.write(f"began {time.strftime('%Y-%m-%d', time.gmtime())}\n")
        log.flush()
        status = subprocess.run(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=os.environ | SANITIZERS).returncode
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        log.write(f"spent {spent:.0f}\nstatus {status}\n")
    return spent, status != 0


def run(build, work, targets, seconds):
    found = False
    for target in targets:
        left, bad = seconds, False
        while left > 1 and not bad:
            spent, bad = once(build, work, target, int(left) + 30) # of the clock: on a busy machine it takes several
            left -= max(spent, 1)
        print(f"{target}: {'FOUND something: ' + str(work / 'found' / target) if bad else 'nothing found'}", flush=True)
        found = found or bad
    table(work)
    return 1 if found else 0


# ------------------------------------------------ what came of it


def numbers(log):
    """Of one log: executions, seconds, coverage, features, size of the corpus."""
    def last(pattern):
        return ([0] + [int(n) for n in re.findall(pattern, log)])[-1]
    return (last(r"stat::number_of_executed_units: (\d+)") or last(r"(?m)^#(\d+)\s"), last(r"(?m)^spent (\d+)"), last(r" cov: (\d+)"),
            last(r" ft: (\d+)"), last(r" corp: (\d+)/"))


def table(work):
    print("| target | executions | CPU seconds | per second | edges | features | inputs | found |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    whole = 0
    for target in sorted({path.name.split(".")[0] for path in (work / "logs").glob("*.log")}):
        paths = sorted((work / "logs").glob(f"{target}.*.log"), key=lambda path: int(path.suffixes[-2][1:]))
        logs = [numbers(path.read_text(errors="replace")) for path in paths]
        logs = [log for log in logs if log[0]]
        if not logs:
            continue
        executions, spent = sum(log[0] for log in logs), sum(log[1] for log in logs)
        whole += spent
        cells = [target, executions, spent, executions // max(spent, 1), *logs[-1][2:], len(list((work / "found" / target).glob("*")))]
        print("| " + " | ".join(str(cell) for cell in cells) + " |")
    print(f"\n{whole // 60} minutes of a processor.")


# ------------------------------------------------ what is kept


def reached(build, target, sources):
    """What each input reaches, from the control file of libFuzzer's merge."""
    with tempfile.TemporaryDirectory() as folder:
        control, merged = pathlib.Path(folder) / "control", pathlib.Path(folder) / "merged"
        merged.mkdir()
        inputs = pathlib.Path(folder) / "inputs"
        inputs.mkdir()
        for number, path in enumerate(path for source in sources for path in list(source.iterdir())):
            with contextlib.suppress(FileNotFoundError): # a fuzzer may be at work there
                shutil.copy(path, inputs / str(number))
        subprocess.run([build / "tests/fuzz" / f"fuzz-{target}", "-merge=1", f"-merge_control_file={control}", merged, inputs], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | SANITIZERS)
        lines = control.read_text(errors="replace").splitlines()
        names = lines[2:2 + int(lines[0])]
        features = {int(index): {int(n) for n in rest} for kind, index, *rest in map(str.split, lines[len(names) + 2:]) if kind == "FT"}
        return {pathlib.Path(names[index]).read_bytes(): found for index, found in features.items()}


def keep(build, work, targets):
    """Those that have a name, and of all others the few that reach the most together: the repository stays small and the replay short."""
    for target in targets:
        place = HERE / "corpus" / target
        all_reached = reached(build, target, [folder for folder in (place, work / "corpus" / target) if folder.is_dir()])
        left = {content: found for content, found in all_reached.items() if len(content) <= MOST_BYTES}
        by_hand = [path for path in place.glob("*") if "-" in path.name] # of seeds.py, or somebody's
        have = set().union(*(all_reached.get(path.read_bytes(), set()) for path in by_hand))
        kept = {path.name: path.read_bytes() for path in by_hand}
        while left and len(kept) < MOST_FILES:
            best = max(left, key=lambda content: (len(left[content] - have), -len(content)))
            if not left[best] - have:
                break
            have |= left.pop(best)
            kept[hashlib.sha1(best).hexdigest()[:12]] = best
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for name, content in kept.items():
            (place / name).write_bytes(content)
        every = set().union(*all_reached.values())
        print(f"{target}: {len(kept)} of {len(all_reached)} inputs, {sum(map(len, kept.values()))} bytes, {len(have)} of {len(every)} features")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "table", "keep"])
    parser.add_argument("folders", nargs="+", metavar="BUILD WORK TARGET", type=str)
    parser.add_argument("--seconds", type=int, default=600, help="of a processor, for each target; at least 2")
    arguments = parser.parse_args()
    if arguments.seconds < 2:
        parser.error("--seconds: at least 2")
    if arguments.what == "table":
        return table(pathlib.Path(arguments.folders[0]))
    build, work, wanted = pathlib.Path(arguments.folders[0]), pathlib.Path(arguments.folders[1]), arguments.folders[2:]
    targets = targets_of(build, wanted)
    return run(build, work, targets, arguments.seconds) if arguments.what == "run" else keep(build, work, targets)


if __name__ == "__main__":
    sys.exit(main())
