# SPDX-License-Identifier: MIT
"""
coverage.py BUILD [DOCUMENT]: what the tests have run of each folder, by what gcc counted in the build folder. Prints the table and, below it,
each line and branch that remains, with its function. With DOCUMENT (docs/coverage.md) the table there is written anew.
Exits 1 if core or engine fall below what they must have.

Three things are left out, and no others: rows of the .def files, which are data (the compiler proves by static assertions that none is missing);
cli/completion.c and cli/manual.c, which print documents while the command is built; and branches that gcov itself calls unreachable.
"""
import bisect
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ["src/core", "src/engine", "src/socket", "src/fd", "src/uv", "cli"]
# Lines and branches, in per cent.
BOUNDS = {"src/core": (100, 95), "src/engine": (100, 95)}


def measure(build):
    """gcovr's files, each with its lines."""
    command = ["gcovr", "--root", str(ROOT), "--object-directory", str(build), "--exclude-unreachable-branches", "--exclude", r".*\.def$",
               "--exclude", r"(.*/)?cli/(completion|manual)\.c$", "--json", "-"]
    command += [word for folder in FOLDERS for word in ("--filter", f"{ROOT}/{folder}/")]
    return json.loads(subprocess.run(command + [str(build)], cwd=ROOT, check=True, capture_output=True, text=True).stdout)["files"]


def lines_of(file):
    return [line for line in file["lines"] if not line.get("gcovr/noncode") and not line.get("gcovr/excluded")]


def sums(files, folder):
    """Lines run and all, branches taken and all."""
    lines = [line for file in files if pathlib.PurePath(file["file"]).parent == pathlib.PurePath(folder) for line in lines_of(file)]
    branches = [branch for line in lines for branch in line["branches"]]
    return sum(line["count"] > 0 for line in lines), len(lines), sum(branch["count"] > 0 for branch in branches), len(branches)


def per_cent(some, whole):
    """Rounded down, so that 100 says all."""
    return some * 1000 // max(1, whole) / 10


def table(found):
    yield "| folder | lines | branches |"
    yield "| --- | --- | --- |"
    for folder, (ran, lines, taken, branches) in found.items():
        yield f"| `{folder}` | {per_cent(ran, lines):g} % of {lines} | {per_cent(taken, branches):g} % of {branches} |"


def function_at(file, number):
    """Whose line this is."""
    known = sorted((function["lineno"], function["name"]) for function in file["functions"])
    at = bisect.bisect_right(known, (number, "\uffff"))
    return known[at - 1][1] if at else ""


def remaining(file):
    source = (ROOT / file["file"]).read_text(encoding="utf-8").splitlines()
    for line in lines_of(file):
        number, text = line["line_number"], source[line["line_number"] - 1].strip()
        untaken = sum(branch["count"] == 0 for branch in line["branches"])
        if not line["count"]:
            yield f"{function_at(file, number)}: line {number}: {text}"
        elif untaken:
            yield f"{function_at(file, number)}: line {number}, {untaken} of {len(line['branches'])} branches: {text}"


def write(document, rows):
    """The first table of the document is ours."""
    lines = document.read_text(encoding="utf-8").splitlines()
    begin = lines.index("| folder | lines | branches |")
    end = next(i for i in range(begin, len(lines)) if not lines[i].startswith("|"))
    document.write_text("\n".join(lines[:begin] + rows + lines[end:]) + "\n", encoding="utf-8")


def fallen(found):
    for folder, (least_lines, least_branches) in BOUNDS.items():
        ran, lines, taken, branches = found[folder]
        if per_cent(ran, lines) < least_lines:
            yield f"{folder}: {lines - ran} lines did not run"
        if per_cent(taken, branches) < least_branches:
            yield f"{folder}: {per_cent(taken, branches):g} % of its branches, and {least_branches} are wanted"


def main():
    files = measure(pathlib.Path(sys.argv[1]).resolve())
    found = {folder: sums(files, folder) for folder in FOLDERS}
    rows = list(table(found))
    print("\n".join(rows))
    for file in files:
        left = list(remaining(file))
        if left:
            print("\n" + file["file"])
        for text in left:
            print("    " + text)
    if len(sys.argv) > 2:
        write(pathlib.Path(sys.argv[2]), rows)
    complaints = list(fallen(found))
    print("\n" + "\n".join(complaints) if complaints else "")
    sys.exit(bool(complaints))


main()
