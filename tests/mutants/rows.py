# SPDX-License-Identifier: MIT
"""The rows of the data files (*.def) are code, too: what stands in them, replaced by what could.

A source that includes such a file is given a copy in whose rows a name may be one of ours: `ROW_7`, which, pasted behind
the prefix that the source puts before it, is a macro that chooses when it is run. Tables that are constant are filled when
they are asked for, or before main(). Tests see the rows as they were written, so one that takes what it expects from
the same rows would find every mutant, and is not asked.
"""
import re

from mutate import Mutant, squeezed

TEXT = object()    # a string: another one
NUMBER = object()  # a number: one more, one less

# Which places of which rows, for each source: the prefix that is pasted before them, and the list that has the others.
PLACES = {
    "ending.c": {"ending.def": {
        "SENDING_ROW": {2: ("ADIEU_SENDING_", "SENDING"), 3: ("ACTION_", "ACTION")},
        "RECEIVING_ROW": {2: ("ADIEU_RECEIVING_", "RECEIVING")},
        "EVENT": {2: ("ADIEU_FIRST_", ["SELF", "PEER", "NOBODY"])},
        "JOINT": {2: ("WORTH_", ["DELIVERED", "TRUNCATED", "LOST", "ALERTED", "REJECTED", "REASON"])},
        "REASON": {2: ("ADIEU_EXIT_", ["OTHER", "DEADLINE", "LOCAL_IO"])}}},
    "error.c": {"error.def": {"ERROR": {2: NUMBER}}},
    "names.c": {"ending.def": {"SENDING": {1: TEXT}, "RECEIVING": {1: TEXT}, "REASON": {1: TEXT}},
                "error.def": {"ERROR": {1: TEXT, 3: TEXT}}, "alert.def": {"ALERT": {1: TEXT}}},
}
ROW = re.compile(r'^([A-Z_]+)\(((?:[^()"]|"[^"]*")*)\)', re.M)
ARGUMENT = re.compile(r'(?:"[^"]*"|[^,"])+')


def names_in(text, row):
    return [ARGUMENT.findall(found[2])[0].strip() for found in ROW.finditer(text) if found[1] == row]


class Rows:
    """The rows of one data file, as one source is to see them."""

    def __init__(self, path, shown, first):
        self.path, self.shown, self.next = path, shown, first
        self.mutants, self.macros = [], []

    def number(self, row, old, new):
        self.mutants.append(Mutant(self.shown, "row", squeezed(row), old, new, self.next))
        self.next += 1
        return self.next - 1

    def choice(self, row, old, others, prefix=""):
        return "(" + "".join(f"mutant_is({self.number(row, old, other)}) ? {prefix}{other} : " for other in others) + \
            f"{prefix}{old})"

    def argument(self, row, old, place, text):
        if place is TEXT:
            return self.choice(row, old, ['"another"'])
        if place is NUMBER:
            return self.choice(row, old, [str(other) for other in (int(old) - 1, int(old) + 1) if other >= 0])
        prefix, others = place
        if isinstance(others, str):
            others = names_in(text, others)
        name = f"ROW_{self.next}"
        self.macros.append(f"#define {prefix}{name} " +
                           self.choice(row, old, [other for other in others if other != old], prefix))
        return name

    def rewritten(self, places):
        text = self.path.read_text()

        def row(found):
            arguments = ARGUMENT.findall(found[2])
            for index, place in places.get(found[1], {}).items():
                arguments[index] = " " + self.argument(found[0], arguments[index].strip(), place, text)
            return f"{found[1]}({','.join(arguments)})"

        body = ROW.sub(row, text)
        return "\n".join(self.macros) + "\n" + body


TABLE = re.compile(r"^(\s*)static (const )?([\w ]+ (?:\*const )?)(\w+)((?:\[[^\]\n]*\])+) = \{\n((?:(?!^\s*\};).*\n)*?.*\.def\"\n)\s*\};$", re.M)


def filled_when_run(text):
    """Constant tables made of rows become variables that are filled."""

    def table(found):
        indent, _, kind, name, sizes, inside = found.groups()
        values = f"{kind}{name}{sizes} = {{\n{inside}    }};"
        if indent.strip("\n"):
            return f"{indent}{values}"
        return f"\nstatic {kind}{name}{sizes};\n__attribute__((constructor)) static void fill_{name}(void)\n{{\n" \
            f"    {kind}from{sizes} = {{\n{inside}    }};\n    __builtin_memcpy((void *){name}, from, sizeof from);\n}}"

    return TABLE.sub(table, text)


def rewritten(source, text, folder, shown, first):
    """source's text with rows that choose, {the name of a copy: its text}, and the mutants."""
    copies, mutants = {}, []
    for name, places in PLACES.get(source.name, {}).items():
        rows = Rows(source.with_name(name), f"{folder}/{name}", first + len(mutants))
        copy = f"{source.stem}_{name}"
        copies[copy] = rows.rewritten(places)
        mutants += rows.mutants
        text = text.replace(f'#include "{name}"', f'#include "{copy}"')
    return filled_when_run(text) if copies else text, copies, mutants
