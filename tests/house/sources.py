# SPDX-License-Identifier: MIT
"""sources.py SOURCE: every source names its licence, and is built."""
import pathlib
import sys

import tap

SOURCE = pathlib.Path(sys.argv[1])
BUILDS = {folder.parent for folder in SOURCE.rglob("meson-private")}
FILES = sorted(file for file in SOURCE.rglob("*") if file.is_file() and not BUILDS & set(file.parents)
               and not {".git", "__pycache__", ".pytest_cache"} & set(file.parts))
KINDS = {".c", ".h", ".def", ".py", ".js", ".sh", ".map", ".build"}
NAMED = {"dev", "run", "under_valgrind", "meson.build", "meson_options.txt", ".clang-format"}


def none_of(wrong, what):
    assert not wrong, f"{what}:\n" + "\n".join(str(file.relative_to(SOURCE)) for file in wrong)


def every_source_names_its_licence_in_its_first_lines():
    sources = [file for file in FILES if file.suffix in KINDS or file.name in NAMED]
    assert len(sources) > 20, f"only {len(sources)} sources under {SOURCE}: the check is broken"
    none_of([file for file in sources if "SPDX-License-Identifier: MIT" not in
             "\n".join(file.read_text().splitlines()[:3])], "without an SPDX line")


def named_in_a_build_file(source):
    """In a meson.build beside or above it; a loop may spell test_ending.c as 'ending'."""
    folders = [folder for folder in source.parents if SOURCE in (folder, *folder.parents)]
    texts = [(folder / "meson.build").read_text() for folder in folders if (folder / "meson.build").exists()]
    return any(f"{name}'" in text for text in texts for name in (source.name, source.stem.removeprefix("test_")))


def every_c_file_is_named_in_a_build_file():
    none_of([file for file in FILES if file.suffix == ".c" and not named_in_a_build_file(file)], "in no meson.build")


tap.run(
    every_source_names_its_licence_in_its_first_lines,
    every_c_file_is_named_in_a_build_file,
)
