# SPDX-License-Identifier: MIT
"""Finds the places of a C file where it could be wrong, and writes it anew with every mutant in it (mutant schemata).

A place is a range of the file and what could stand there instead. Ranges nest; in the new text a range that has
mutants is `(mutant_is(7) ? other : mutant_is(8) ? another : as it was)`, so that one build holds them all.
"""
import dataclasses
import functools
import re

import clang.cindex
from clang.cindex import CursorKind as Kind, TypeKind

BOUNDARY = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
NEGATED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
ARITHMETIC = {"+": "-", "-": "+", "*": "/", "/": "*", "%": "*", "&": "|", "|": "&", "<<": ">>", ">>": "<<"}
ASSIGNMENT = {"+=": "-=", "-=": "+=", "|=": "=", "&=": "=", "*=": "/=", "/=": "*=", "<<=": ">>=", ">>=": "<<="}
STEP = {"++": "--", "--": "++"}
INTEGERS = {TypeKind.INT, TypeKind.UINT, TypeKind.LONG, TypeKind.ULONG, TypeKind.LONGLONG, TypeKind.ULONGLONG,
            TypeKind.UCHAR, TypeKind.SCHAR, TypeKind.USHORT, TypeKind.SHORT, TypeKind.CHAR_S}
# What is not run, or must be constant.
PASSED_OVER = {Kind.ENUM_DECL, Kind.STATIC_ASSERT, Kind.CXX_UNARY_EXPR, Kind.ASM_STMT, Kind.TYPE_REF, Kind.STRUCT_DECL}
# va_start() and the like, and what only says that a parameter is not used.
IDLE = re.compile(r"va_\w+\(.*\)|(\(void\)\w+(, )?)+", re.S)
CONSTANT = re.compile(r"[A-Z][A-Z0-9_]*")


@dataclasses.dataclass
class Mutant:
    """One change, named by what does not move when lines are added elsewhere."""
    file: str
    function: str
    line: str    # the first line of the place, as it is written
    old: str
    new: str
    number: int = 0
    count: int = 1  # of those that would have the same name otherwise

    @property
    def name(self):
        more = f" #{self.count}" if self.count > 1 else ""
        return f"{self.file} {self.function}: `{self.line}`: `{self.old}` -> `{self.new}`{more}"


@dataclasses.dataclass
class Place:
    start: int
    end: int
    function: str
    others: list             # the texts that could stand there
    form: str = "{}"         # what is written, of the choice between them
    statement: bool = False  # the other is to do nothing


def squeezed(text):
    return re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)).strip()


def real(cursor):
    """Without the casts that are not written."""
    while cursor.kind == Kind.UNEXPOSED_EXPR and len(list(cursor.get_children())) == 1:
        inner = next(cursor.get_children())
        if (inner.extent.start.offset, inner.extent.end.offset) != (cursor.extent.start.offset, cursor.extent.end.offset):
            break
        cursor = inner
    return cursor


class Finder:
    def __init__(self, path, arguments):
        self.path, self.text = str(path), path.read_bytes()
        unit = clang.cindex.Index.create().parse(self.path, args=arguments)
        errors = [str(found) for found in unit.diagnostics if found.severity >= clang.cindex.Diagnostic.Error]
        if errors:
            raise SystemExit("\n".join(errors))
        self.places, self.function, self.result = {}, "", None
        for cursor in unit.cursor.get_children():
            if cursor.kind == Kind.FUNCTION_DECL and cursor.is_definition() and self.here(cursor):
                self.function, self.result = cursor.spelling, cursor.result_type.get_canonical()
                self.visit(next(child for child in cursor.get_children() if child.kind == Kind.COMPOUND_STMT))

    def here(self, cursor):
        return cursor.location.file is not None and cursor.location.file.name == self.path

    def range(self, cursor):
        return cursor.extent.start.offset, cursor.extent.end.offset

    def written(self, cursor):
        start, end = self.range(cursor)
        return self.text[start:end].decode()

    def add(self, start, end, *others, **more):
        place = self.places.setdefault((start, end, more.get("form", "{}")),
                                       Place(start, end, self.function, [], **more))
        place.others += [other for other in others if other not in place.others]

    def add_for(self, cursor, *others):
        self.add(*self.range(cursor), *others)

    # ------------------------------------------------ walking

    def visit(self, cursor, condition=False):
        """condition: only whether it holds is asked, and both answers are tried already."""
        cursor = real(cursor)
        if cursor.kind in PASSED_OVER or not self.here(cursor):
            return
        if cursor.kind == Kind.VAR_DECL and cursor.storage_class == clang.cindex.StorageClass.STATIC:
            return
        look = getattr(self, "visit_" + cursor.kind.name.lower(), None)
        if look:
            look(cursor, condition)
        else:
            self.literal(cursor)
            self.inside(cursor)

    def inside(self, cursor):
        for child in cursor.get_children():
            self.visit(child)

    def visit_compound_stmt(self, cursor, _):
        for child in cursor.get_children():
            self.step(child)

    def step(self, cursor):
        """What stands where a statement may."""
        cursor = real(cursor)
        if cursor.kind.is_expression() and not IDLE.fullmatch(self.written(cursor)):
            start, end = self.range(cursor)
            self.add(start, end, "nothing", form="({})", statement=True)
        self.visit(cursor)

    def holds(self, cursor, *answers):
        self.add_for(cursor, *(answer for answer in answers if self.written(cursor) not in ("true", "false")))
        self.visit(cursor, condition=True)

    def visit_if_stmt(self, cursor, _):
        condition, *branches = cursor.get_children()
        self.holds(condition, "true", "false")
        for branch in branches:
            self.step(branch)

    def visit_while_stmt(self, cursor, _):
        condition, body = cursor.get_children()
        self.holds(condition, "false")
        self.step(body)

    def visit_do_stmt(self, cursor, _):
        body, condition = cursor.get_children()
        self.step(body)
        self.holds(condition, "false")

    def visit_for_stmt(self, cursor, _):
        *head, body = cursor.get_children()
        start = self.range(cursor)[0]
        for child in head:
            between = self.text[start:self.range(child)[0]].decode()
            if between.count(";") == 1 and self.range(child)[0] < self.range(body)[0] and "(" in between:
                self.holds(child, "false")
            else:
                self.visit(child)
        self.step(body)

    def visit_conditional_operator(self, cursor, _):
        condition, yes, no = cursor.get_children()
        self.holds(condition, "true", "false")
        self.visit(yes)
        self.visit(no)

    def visit_switch_stmt(self, cursor, _):
        what, body = cursor.get_children()
        self.visit(what)
        self.step(body)

    def visit_case_stmt(self, cursor, _):
        self.step(list(cursor.get_children())[1])

    def visit_default_stmt(self, cursor, _):
        self.step(next(cursor.get_children()))

    def leaves(self, cursor, _):
        start, end = self.range(cursor)
        semicolon = self.text.index(b";", end - 1) + 1
        self.add(start, semicolon, "nothing", form="{{ if ({}) " + self.written(cursor).rstrip(";") + "; }}")

    visit_break_stmt = visit_continue_stmt = leaves

    def visit_return_stmt(self, cursor, _):
        values = [real(child) for child in cursor.get_children()]
        if not values:
            self.leaves(cursor, _)
            return
        value, = values
        self.add_for(value, *self.other_results(value))
        self.visit(value)

    def other_results(self, value):
        text = self.written(value)
        if CONSTANT.fullmatch(text) or text in ("true", "false") or value.kind == Kind.INTEGER_LITERAL:
            return []
        if self.result.kind == TypeKind.BOOL:
            return [] if self.operator(value) in {*NEGATED, "&&", "||"} else [f"!({text})"]
        if self.result.kind == TypeKind.POINTER:
            return ["(void *)0"]
        if self.result.kind == TypeKind.ENUM:
            first = next(self.result.get_declaration().get_children()).spelling
            return [f"((void)({text}), {first})"]
        return ["0", f"({text}) + 1"] if self.result.kind in INTEGERS else []

    def visit_var_decl(self, cursor, _):
        for child in cursor.get_children():
            if b"=" not in self.text[cursor.location.offset:self.range(child)[0]]:
                continue  # the size of an array
            value = real(child)
            if cursor.type.get_canonical().kind == TypeKind.BOOL and self.operator(value) not in {*NEGATED, "&&", "||"} \
                    and value.kind.is_expression() and self.written(value) not in ("true", "false"):
                self.add_for(value, f"!({self.written(value)})")
            self.visit(value)

    # ------------------------------------------------ expressions

    def operator(self, cursor):
        if cursor.kind == Kind.PAREN_EXPR:
            return self.operator(real(next(cursor.get_children())))
        if cursor.kind not in (Kind.BINARY_OPERATOR, Kind.COMPOUND_ASSIGNMENT_OPERATOR):
            return None
        left, right = cursor.get_children()
        return squeezed(self.text[self.range(left)[1]:self.range(right)[0]].decode())

    def visit_paren_expr(self, cursor, condition):
        if not self.literal(cursor):
            self.visit(next(cursor.get_children()), condition)

    def visit_binary_operator(self, cursor, condition):
        sign = self.operator(cursor)
        left, right = cursor.get_children()
        a, b = self.written(left), self.written(right)
        changes = [BOUNDARY.get(sign), None if condition else NEGATED.get(sign), ARITHMETIC.get(sign)]
        if cursor.type.get_canonical().kind == TypeKind.POINTER or left.type.get_canonical().kind == TypeKind.POINTER:
            changes = [change for change in changes if change not in ("*", "/", "|", "&")]
        self.add_for(cursor, *(f"{a} {change} {b}" for change in changes if change))
        if sign in ("&&", "||"):
            for side in (left, right):
                self.holds(real(side), "true" if sign == "&&" else "false")
        elif sign == "=":
            self.visit(right)
        else:
            self.visit(left)
            self.visit(right)

    def visit_compound_assignment_operator(self, cursor, _):
        left, right = cursor.get_children()
        sign = self.operator(cursor)
        if sign in ASSIGNMENT:
            self.add_for(cursor, f"{self.written(left)} {ASSIGNMENT[sign]} {self.written(right)}")
        self.visit(right)

    def visit_unary_operator(self, cursor, condition):
        text = self.written(cursor)
        inner = real(next(cursor.get_children()))
        if text.startswith("!"):
            if not condition:
                self.add_for(cursor, f"!!({self.written(inner)})")
            self.visit(inner, condition=True)
        elif text[:2] in STEP:
            self.add_for(cursor, STEP[text[:2]] + text[2:])
        elif text[-2:] in STEP:
            self.add_for(cursor, text[:-2] + STEP[text[-2:]])
        elif not text.startswith("&"):
            self.visit(inner)

    def visit_cstyle_cast_expr(self, cursor, _):
        """What is cast to void is not looked at."""
        *_, inner = cursor.get_children()
        if cursor.type.kind != TypeKind.VOID:
            self.visit(inner)
            return
        inner = real(inner)
        self.inside(real(next(inner.get_children())) if inner.kind == Kind.UNARY_OPERATOR else inner)

    def visit_decl_ref_expr(self, cursor, _):
        constant = cursor.referenced
        text = self.written(cursor)
        if constant is None or constant.kind != Kind.ENUM_CONSTANT_DECL or text != cursor.spelling:
            self.literal(cursor)
            return
        enum = constant.semantic_parent
        if not enum.spelling or "unnamed" in enum.spelling or "anonymous" in enum.spelling:
            self.add_for(cursor, f"({text} + 1)", f"({text} - 1)")
            return
        all_of_it = [each for each in enum.get_children() if each.kind == Kind.ENUM_CONSTANT_DECL]
        after = all_of_it[[each.spelling for each in all_of_it].index(text) - len(all_of_it) + 1]
        if after.enum_value != constant.enum_value:
            self.add_for(cursor, after.spelling)

    def literal(self, cursor):
        """A number or a macro that is one. Its children are then none of the file's."""
        text = self.written(cursor)
        if text in ("true", "false"):
            self.add_for(cursor, {"true": "false", "false": "true"}[text])
            return True
        if cursor.type.get_canonical().kind not in INTEGERS:
            return False
        if re.fullmatch(r"(0x[0-9a-fA-F]+|\d+)[uUlL]*", text):
            number = int(text.rstrip("uUlL"), 0)
            self.add_for(cursor, *(["1"] if number == 0 else [str(number - 1), str(number + 1)]))
            return True
        if CONSTANT.fullmatch(text) and text != "NULL" and cursor.kind != Kind.DECL_REF_EXPR:
            self.add_for(cursor, f"({text} + 1)", f"({text} - 1)")
            return True
        return False


# ------------------------------------------------ writing

class Writer:
    def __init__(self, finder, shown, first):
        self.text, self.shown, self.next = finder.text, shown, first
        self.mutants, self.names = [], {}
        self.places = sorted(finder.places.values(), key=lambda place: (place.start, -place.end, not place.statement))

    def number(self, place, other):
        line_start = self.text.rfind(b"\n", 0, place.start) + 1
        line_end = self.text.find(b"\n", place.start)
        mutant = Mutant(self.shown, place.function, squeezed(self.text[line_start:line_end].decode()),
                        squeezed(self.text[place.start:place.end].decode()), squeezed(other), self.next)
        name = mutant.name
        mutant.count = self.names[name] = self.names.get(name, 0) + 1
        self.next += 1
        self.mutants.append(mutant)
        return mutant.number

    def choice(self, place, inner):
        if place.statement:
            return place.form.format(f"mutant_is({self.number(place, 'nothing')}) ? (void)0 : (void)({inner})")
        if place.others == ["nothing"]:
            return place.form.format(f"!mutant_is({self.number(place, 'nothing')})")
        return "(" + "".join(f"mutant_is({self.number(place, other)}) ? ({other}) : " for other in place.others) + \
            f"({inner}))"

    def write(self, start, end, places):
        """The text from start to end, in which these places lie."""
        out = []
        while places:
            outer, rest = places[0], places[1:]
            count = sum(1 for place in rest if place.start < outer.end)
            within, places = rest[:count], rest[count:]
            out.append(self.text[start:outer.start].decode())
            inner = self.write(outer.start, outer.end, within)
            out.append(self.choice(outer, inner) if outer.others else inner)
            start = outer.end
        return "".join(out) + self.text[start:end].decode()

    def whole(self):
        return self.write(0, len(self.text), self.places)


def mutated(path, arguments, shown, first):
    """The text of path with all its mutants, numbered from first, and their list."""
    writer = Writer(Finder(path, arguments), shown, first)
    text = writer.whole()
    return '#include "mutant.h"\n' + text, writer.mutants
