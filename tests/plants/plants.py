# SPDX-License-Identifier: MIT
"""
plants.py SOURCE BUILD KIND FOLDER [NAME...]: the test of the tests. Each fault of plants.toml for this KIND of build is planted in a copy of the
source, what it touches is compiled and linked anew beside the build, and its instrument must say so (TAP). See README.md.
"""
import functools
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tomllib

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "house"))
import tap  # noqa: E402

SOURCE, BUILD, KIND, FOLDER = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3], pathlib.Path(sys.argv[4]) / "plants"
CHOSEN = sys.argv[5:]
TREE, OUT = FOLDER / "tree", FOLDER / "out"
# What a plant may be in; copied once.
COPIED = ["include", "src", "cli", "docs", "examples", "bench", "tests", "README.md", "HACKING.md", "SECURITY.md", "CHANGELOG.md"]
# How an instrument runs, unless a plant says otherwise.
RUNS = {"command": ["{program}"], "environment": {}}
NOT_NEEDED = ["-MD", "-Werror"]
NOT_NEEDED_PAIRS = ["-MQ", "-MF"]
SECONDS = 600


def ask(command, seconds=SECONDS, **more):
    """(status, all that it said)"""
    run = subprocess.run(command, cwd=BUILD, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                         stdin=subprocess.DEVNULL, timeout=seconds, check=False, **more)
    return run.returncode, run.stdout


# ---------------------------------------------------------------- compiling beside the build


def in_tree(text):
    """The same place in the copy, if it is one of the source's."""
    place = (BUILD / text).resolve()
    return str(TREE / place.relative_to(SOURCE)) if place.is_relative_to(SOURCE) and not place.is_relative_to(BUILD) else text


def compile_commands(file):
    """All that the build compiles of a file: (object, command)."""
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        if (BUILD / entry["file"]).resolve() == SOURCE / file:
            yield entry["output"], shlex.split(entry["command"])


def compiled(command, name):
    """The object of the copied file."""
    out, words = OUT / f"{name}.o", iter(command)
    planted = []
    for word in words:
        if word in NOT_NEEDED_PAIRS:
            next(words)
        elif word == "-o":
            planted += ["-o", str(out)]
            next(words)
        elif word.startswith("-I"):
            planted.append("-I" + in_tree(word[2:]))
        elif word not in NOT_NEEDED and not word.startswith("-flto"):
            planted.append(in_tree(word) if word.endswith(".c") else word)
    status, said = ask(planted)
    assert status == 0, f"the plant does not compile:\n{said[-2000:]}"
    return str(out)


def linked(plant):
    """The target with the planted objects in it; one that comes first keeps that of an archive out."""
    status, said = ask(["ninja", "-t", "commands", plant["target"]])
    assert status == 0, said[-1000:]
    command = shlex.split(said.splitlines()[-1])
    out = OUT / plant.get("as", pathlib.Path(plant["target"]).name)
    command[command.index("-o") + 1] = str(out)
    for number, file in enumerate(plant.get("compile", [plant["file"]])):
        every = list(compile_commands(file))
        assert every, f"the build does not compile {file}"
        mine = [(there, how) for there, how in every if there in command]
        there, how = (mine or every)[0]
        planted = compiled(how, f"planted-{number}")
        if mine:
            command[command.index(there)] = planted
        else:
            command.insert(command.index("-o") + 2, planted)
    status, said = ask(command)
    assert status == 0, f"the plant does not link:\n{said[-2000:]}"
    return out


# ---------------------------------------------------------------- planting


def planted(plant):
    """The file of the copy with the fault in it; the old text must be there once, so that no plant rots in silence."""
    text = (SOURCE / plant["file"]).read_text()
    count = text.count(plant["old"])
    assert count == 1, f"{plant['old']!r} is {count} times in {plant['file']}, not once: mend the plant"
    assert plant["old"] != plant["new"]
    (TREE / plant["file"]).write_text(text.replace(plant["old"], plant["new"]))


def instrument(plant, program, tree):
    """Whether the instrument complains of a tree, or of a program that was made of it, and all that it says."""
    places = {"program": program, "tree": tree, "source": SOURCE, "build": BUILD, "out": OUT, "python": sys.executable,
              "here": HERE}
    words = [word.format(**places) for word in plant.get("command", RUNS["command"])]
    environment = {"CMOCKA_MESSAGE_OUTPUT": "TAP", **{key: value.format(**places) for key, value in plant.get("environment", {}).items()}}
    libraries = [str(OUT)] * (program is not None and OUT in pathlib.Path(program).parents) + [str(BUILD / "src")]
    status, said = ask(words, env={**os.environ, **environment, "LD_LIBRARY_PATH": ":".join(libraries)})
    return status != 0 or re.search(r"^not ok\b(?!.*# SKIP)", said, re.MULTILINE) is not None, said


@functools.cache
def is_content(program, how):
    """Without a plant; what several plants ask is asked once. An instrument that runs none of its tests here has no say."""
    complains, said = instrument(json.loads(how), program, SOURCE)
    assert not complains, f"it complains without the plant:\n{shown(said)}"
    ran = re.findall(r"^ok\b(.*)", said, re.MULTILINE)
    if ran and all("# SKIP" in line for line in ran):
        raise tap.Skip("it cannot run here: " + ran[0].partition("# SKIP")[2].strip())


def shown(said):
    return "\n".join(said.splitlines()[-25:])[-2000:]


def try_plant(plant):
    if "needs" in plant and not shutil.which(plant["needs"]):
        raise tap.Skip(f"{plant['needs']} is missing")
    target = plant.get("target")
    if not plant.get("plain"):
        is_content(BUILD / target if target else None, json.dumps({key: plant.get(key, default) for key, default in RUNS.items()}))
    try:
        planted(plant)
        program = linked(plant) if target else None
        complains, said = instrument(plant, program, TREE)
    finally:
        shutil.copy2(SOURCE / plant["file"], TREE / plant["file"])
        shutil.rmtree(OUT)
        OUT.mkdir()
    assert complains, f"nobody complains of the plant:\n{shown(said)}"
    why = re.search(f".*{plant['says']}.*", said)
    assert why, f"it complains, but not of {plant['says']!r}:\n{shown(said)}"
    print(f"# {why[0].strip()[:200]}")


def as_test(plant):
    def test():
        try_plant(plant)
    test.__name__ = f"{plant['instrument']} finds {plant['name']}"
    return test


def main():
    wanted = "soak" if "ADIEU_PLANTS_ALL" in os.environ else "test"
    plants = tomllib.loads((HERE / "plants.toml").read_text())["plant"]
    names = [plant["name"] for plant in plants]
    assert len(names) == len(set(names)), "two plants with one name"
    mine = [plant for plant in plants if plant.get("kind", "plain") == KIND
            and (plant["name"] in CHOSEN if CHOSEN else plant.get("when", "test") in ("test", wanted))]
    unknown = set(CHOSEN) - set(names)
    if unknown:
        sys.exit(f"no such plant: {', '.join(unknown)}")
    shutil.rmtree(FOLDER, ignore_errors=True)
    OUT.mkdir(parents=True)
    TREE.mkdir()
    for name in COPIED:
        copy = shutil.copytree if (SOURCE / name).is_dir() else shutil.copy2
        copy(SOURCE / name, TREE / name)
    tap.run(*map(as_test, mine))


if __name__ == "__main__":
    main()
