# SPDX-License-Identifier: MIT
"""test_docs.py SOURCE PRINT_DOCS: what the documents say is what the code says."""
import difflib
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

import tap

SOURCE, PRINTER = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
SVG = "{http://www.w3.org/2000/svg}"
DOCUMENTS = [SOURCE / name for name in ("README.md", "HACKING.md", "SECURITY.md")] + [
    file for file in sorted((SOURCE / "docs").glob("*.md")) if ".in." not in file.name]


def printed():
    """The documents as they would be printed now, by name."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([SOURCE / "docs" / "print.sh", PRINTER, folder], check=True)
        return {file.name: file.read_text() for file in pathlib.Path(folder).iterdir()}


def complaint(template):
    """What the printer says against a template; it must say something."""
    with tempfile.NamedTemporaryFile("w", suffix=".in.md") as file:
        file.write(template)
        file.flush()
        run = subprocess.run([PRINTER, file.name], cwd=SOURCE, capture_output=True, text=True)
    assert run.returncode == 1, f"it was taken for good:\n{run.stdout[-500:]}"
    return run.stderr


def without_line(name, line):
    template = (SOURCE / "docs" / name).read_text()
    assert template.count(line) == 1, f"{line!r} is not once in {name}"
    return template.replace(line, "")


def the_committed_documents_are_what_templates_and_data_print():
    documents = printed()
    assert {"endings.md", "endings.svg", "errors.md", "guide.md"} <= set(documents), sorted(documents)
    for name, text in documents.items():
        committed = (SOURCE / "docs" / name).read_text()
        difference = "\n".join(difflib.unified_diff(committed.splitlines(), text.splitlines(), "committed", "printed",
                                                    lineterm="", n=1))
        assert committed == text, f"docs/{name} is stale; run: ninja -C BUILD docs-update\n{difference[:3000]}"


def a_joint_ending_without_a_paragraph_is_refused():
    assert "truncated" in complaint(without_line("endings.in.md", "@joint failed / truncated\n"))


def an_error_without_a_paragraph_is_refused():
    assert "KEY_MISMATCH" in complaint(without_line("errors.in.md", "@error KEY_MISMATCH\n"))


def a_directive_that_makes_no_sense_is_refused():
    assert "no such directive" in complaint("@nonsense\n")
    assert "no such joint ending" in complaint("@joint closed / nonsense\n")
    assert "no such function" in complaint("@source examples/memory_pair.c nonsense\n")


def words_of(picture):
    """(text, left, top, right, bottom) of every word group, with a width that no common sans-serif font exceeds."""
    style = picture.findtext(SVG + "style")
    sizes = {name: float(size) for name, size in re.findall(r"\.(\w+) {[^}]*?font-size: ([\d.]+)px", style)}
    middle = set(re.findall(r"\.(\w+) {[^}]*?text-anchor: middle", style))
    for text in picture.iter(SVG + "text"):
        size, x, y = sizes[text.get("class")], float(text.get("x")), float(text.get("y"))
        width = 0.62 * size * len(text.text)
        anchor = "middle" if text.get("class") in middle else text.get("text-anchor", "start")
        left = x - {"start": 0, "middle": width / 2, "end": width}[anchor]
        yield text.text, left, y - 0.8 * size, left + width, y + 0.2 * size


def no_two_words_of_the_diagram_overlap_or_leave_it():
    picture = xml.etree.ElementTree.parse(SOURCE / "docs" / "endings.svg").getroot()
    width, height = (float(picture.get(side)) for side in ("width", "height"))
    words = list(words_of(picture))
    assert len(words) > 30, f"only {len(words)} words in the diagram: the check is broken"
    for i, (text, left, top, right, bottom) in enumerate(words):
        assert 0 <= left and right <= width and 0 <= top and bottom <= height, f"{text!r} leaves the picture"
        for other, left2, top2, right2, bottom2 in words[:i]:
            assert right <= left2 or right2 <= left or bottom <= top2 or bottom2 <= top, f"{text!r} lies on {other!r}"


def anchors(document):
    """The names that a heading gets, as code hosts make them."""
    heads = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def every_relative_link_leads_somewhere():
    dead = []
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
            path, _, anchor = target.partition("#")
            file = document.parent / path if path else document
            if "://" in target or (file.exists() and (not anchor or anchor in anchors(file))):
                continue
            dead.append(f"{document.relative_to(SOURCE)}: {target}")
    assert not dead, "dead links:\n" + "\n".join(dead)


def read_from_the_environment():
    """The variables by which tests are told what to do."""
    sources = [file for folder in ("tests", "cli") for kind in ("*.c", "*.py") for file in (SOURCE / folder).rglob(kind)]
    return "\n".join(name for file in sources
                     for name in re.findall(r'(?:getenv|environ\.get|environ)[(\[]"(\w+)"', file.read_text()))


def every_name_of_ours_in_a_document_is_declared_in_a_header():
    headers = "".join(file.read_text() for file in (SOURCE / "include").glob("*.h")) + read_from_the_environment()
    build = (SOURCE / "src" / "meson.build").read_text()
    unknown = {f"{document.relative_to(SOURCE)}: {name}" for document in DOCUMENTS
               for name in re.findall(r"\b(?:adieu|ADIEU)_\w*[A-Za-z0-9](?!\w|\*|\.h|…)", document.read_text())
               if not re.search(rf"\b{name}\b", headers + build)}
    assert not unknown, "no such names:\n" + "\n".join(sorted(unknown))


def every_path_in_a_document_is_there():
    missing = {f"{document.relative_to(SOURCE)}: {path}" for document in DOCUMENTS
               for path in re.findall(r"`((?:src|include|tests|docs|examples|cli|packaging)/[\w./-]+)`",
                                      document.read_text()) if not (SOURCE / path).exists()}
    assert not missing, "no such paths:\n" + "\n".join(sorted(missing))


def the_functions_that_hacking_names_are_in_the_files_that_it_names():
    named = [(file, function) for file, functions in re.findall(r"`(src/[\w/]+\.c)`: ((?:`\w+`(?:, )?)+)",
                                                               (SOURCE / "HACKING.md").read_text())
             for function in re.findall(r"\w+", functions)]
    assert len(named) > 20, f"only {len(named)} functions named: the check is broken"
    gone = [f"{file}: {function}" for file, function in named
            if not (SOURCE / file).exists()
            or not re.search(rf"^\w[^;\n]*\b{function}\(", (SOURCE / file).read_text(), re.MULTILINE)]
    assert not gone, "not defined there:\n" + "\n".join(gone)


def the_readme_has_the_table_of_exit_statuses():
    rows = re.findall(r"^\| \d+ \| .*$", (SOURCE / "docs" / "endings.md").read_text(), re.MULTILINE)
    readme = (SOURCE / "README.md").read_text().splitlines()
    assert len(rows) == 11, f"{len(rows)} statuses"
    assert not [row for row in rows if row not in readme], "missing in README.md:\n" + "\n".join(
        row for row in rows if row not in readme)


tap.run(
    the_committed_documents_are_what_templates_and_data_print,
    a_joint_ending_without_a_paragraph_is_refused,
    an_error_without_a_paragraph_is_refused,
    a_directive_that_makes_no_sense_is_refused,
    no_two_words_of_the_diagram_overlap_or_leave_it,
    every_relative_link_leads_somewhere,
    every_name_of_ours_in_a_document_is_declared_in_a_header,
    every_path_in_a_document_is_there,
    the_functions_that_hacking_names_are_in_the_files_that_it_names,
    the_readme_has_the_table_of_exit_statuses,
)
