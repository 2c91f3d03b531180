# SPDX-License-Identifier: MIT
"""
tally.py FOLDER: sums what ./dev test has run. FOLDER holds, for each section, one of
    SECTION.json     meson's testlog.json: one test a line, with the TAP that it wrote
    SECTION.xml      pytest's --junitxml
    SECTION.failed   the section could not run; the text says why
Names what was skipped and what failed; the last line is "N passed, N failed, N skipped". Exits 1 unless all is well.
"""
import itertools
import json
import pathlib
import re
import sys
import xml.etree.ElementTree

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
TAP_LINE = re.compile(r"^(?P<bad>not )?ok\b\s*(?P<number>\d*)(?:\s*-)?\s*(?P<name>[^#]*?)\s*(?:#\s*(?P<directive>.*))?$")


def of_tap(text):
    lines = text.splitlines()
    for at, line in enumerate(lines):
        empty = re.match(r"^1\.\.0\s*#\s*skip\w*\s*(.*)", line, re.IGNORECASE)
        if empty:
            yield SKIPPED, "", empty[1]
        match = TAP_LINE.match(line)
        if not match:
            continue
        directive = match["directive"] or ""
        if directive.upper().startswith("SKIP"):  # cmocka says "not ok 2 # SKIP name"
            told_before = lines[at - 1].lstrip("# ") if at and lines[at - 1].startswith("#") else ""
            yield SKIPPED, match["name"] or directive[4:].strip(), directive[4:].strip() if match["name"] else told_before
        elif match["bad"]:
            remarks = itertools.takewhile(lambda next_line: next_line.startswith("#"), lines[at + 1:])
            yield FAILED, match["name"], "\n".join(remarks)
        else:
            yield PASSED, match["name"], ""


def of_meson(file):
    for line in file.read_text().splitlines():
        test = json.loads(line)
        results = list(of_tap(test["stdout"]))
        yield from ((outcome, f"{test['name']}: {name}", why) for outcome, name, why in results)
        if test["result"] == "SKIP" and not results and test["returncode"] == 77:
            yield SKIPPED, test["name"], ""
        elif test["result"] == "OK" and not results:
            yield PASSED, test["name"], ""
        elif not results or (test["returncode"] != 0 and not any(outcome == FAILED for outcome, _, _ in results)):
            yield FAILED, test["name"], (f"{test['result']}, status {test['returncode']}\n"
                                         + (test["stdout"] + test.get("stderr", ""))[-2000:])


def of_pytest(file):
    for case in xml.etree.ElementTree.parse(file).iter("testcase"):
        name = f"{case.get('classname')}: {case.get('name')}"
        bad = [child for child in case if child.tag in ("failure", "error")]
        skip = case.find("skipped")
        if bad:
            yield FAILED, name, bad[0].get("message", "")
        elif skip is not None:
            yield SKIPPED, name, skip.get("message", "")
        else:
            yield PASSED, name, ""


def of_failed(file):
    yield FAILED, "the section", file.read_text().strip()


READERS = {".json": of_meson, ".xml": of_pytest, ".failed": of_failed}


def show(outcome, section, name, why):
    """One line, and what is known of a failure below it."""
    first, *more = why.strip().splitlines() or [""]
    print(f"  {section}: {name}" + (f" ({first})" if outcome == SKIPPED and first else ""))
    if outcome == FAILED:
        print(*(f"      {line}" for line in [first, *more][:25] if line), sep="\n")


def main():
    count = {PASSED: 0, FAILED: 0, SKIPPED: 0}
    named = {FAILED: [], SKIPPED: []}
    for file in sorted(pathlib.Path(sys.argv[1]).iterdir()):
        for outcome, name, why in READERS[file.suffix](file):
            count[outcome] += 1
            if outcome in named:
                named[outcome].append((file.stem, name, why))
    for outcome, tests in sorted(named.items(), reverse=True):
        if tests:
            print(f"\n{outcome}:")
        for test in tests:
            show(outcome, *test)
    print(f"\n{count[PASSED]} passed, {count[FAILED]} failed, {count[SKIPPED]} skipped")
    sys.exit(0 if count[PASSED] and not count[FAILED] else 1)


if __name__ == "__main__":
    main()
