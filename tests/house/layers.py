# SPDX-License-Identifier: MIT
"""layers.py SOURCE CORE.a LIBADIEU.so LIBADIEU-FD.so [LIBADIEU-UV.so]: nothing sees more than its layer may, and nothing shows more."""
import fnmatch
import pathlib
import re
import subprocess
import sys

import tap

SOURCE, CORE, LIBADIEU, LIBADIEU_FD, *LIBADIEU_UV = (pathlib.Path(arg) for arg in sys.argv[1:])

# All that the core may ask of its surroundings. No socket, no clock, no file, no thread, no OpenSSL.
CORE_MAY_CALL = """
    memchr memcmp memcpy memmove memset explicit_bzero strcmp strlen strncmp strnlen
    snprintf vsnprintf malloc calloc realloc free
""".split()
# What compilers put in by themselves: fortified forms of the above, stack protection, position independence, sanitizers.
COMPILER_MAY_ADD = ["__mem*_chk", "__str*_chk", "__*snprintf_chk", "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_",
                    "__asan_*", "__ubsan_*", "__tsan_*", "__sanitizer_*", "__gcov_*", "__llvm_*"]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def symbols(file, *options):
    """(type, name) of each; an archive's headings are left out."""
    listing = subprocess.run(["nm", "--no-sort", *options, str(file)], check=True, capture_output=True, text=True)
    rows = (line.split() for line in listing.stdout.splitlines())
    return [(row[-2], row[-1]) for row in rows if len(row) >= 2 and len(row[-2]) == 1]


def without_comments(file):
    return re.sub(r"/\*.*?\*/", "", file.read_text(), flags=re.DOTALL)


def includes(folder):
    for file in sorted((SOURCE / folder).rglob("*.[ch]")):
        for bracket, name in INCLUDE.findall(file.read_text()):
            yield file, bracket, name


def names(*folders):
    return {file.name for folder in folders for file in (SOURCE / folder).iterdir()}


def declared(*headers):
    """The functions that public headers declare."""
    text = "".join(without_comments(SOURCE / "include" / header) for header in headers)
    return set(re.findall(r"ADIEU_API\b[^;{]*?\b(adieu_\w+)\s*\(", text))


def exported(library):
    return {name.split("@")[0] for kind, name in symbols(library, "-D", "--defined-only") if kind != "A"}


def none_of(wrong, what):
    assert not wrong, f"{what}:\n" + "\n".join(sorted(map(str, wrong)))


def the_core_refers_to_nothing_but_its_engine_and_plain_memory():
    engine = without_comments(SOURCE / "src" / "core" / "engine.h").split("ENGINE_FAULT")[1]
    allowed = CORE_MAY_CALL + re.findall(r"\bengine_\w+(?=\()", engine)
    core = symbols(CORE)
    own = {name for kind, name in core if kind.upper() in "TDBRCVW"}
    wanted = {name for kind, name in core if kind == "U"} - own
    assert own and wanted, f"nm says nothing of {CORE}"
    none_of({name for name in wanted - set(allowed)
             if not any(fnmatch.fnmatchcase(name, pattern) for pattern in COMPILER_MAY_ADD)}, "the core refers to")


def the_core_includes_only_its_own_headers_and_the_standard_ones_without_io():
    allowed = {"adieu.h"} | {file.name for file in (SOURCE / "src" / "core").iterdir()}
    none_of({f"{file}: {name}" for file, bracket, name in includes("src/core")
             if not (name in allowed if bracket == '"' else re.fullmatch(r"std\w+\.h|string\.h", name))},
            "the core may not include")


def only_the_engine_and_its_header_include_openssl():
    found = [(file, name) for folder in ("include", "src", "cli") for file, _, name in includes(folder)
             if name.startswith("openssl/") or name == "adieu_openssl.h"]
    engine = SOURCE / "src" / "engine"
    assert any(engine in file.parents for file, _ in found), "not even the engine does: the check is broken"
    none_of({f"{file}: {name}" for file, name in found
             if engine not in file.parents and file.name != "adieu_openssl.h"}, "OpenSSL is included by")


def only_its_transport_and_its_header_include_libuv():
    found = [file for folder in ("include", "src", "cli") for file, bracket, name in includes(folder)
             if bracket == "<" and name == "uv.h" or name == "adieu_uv.h"]
    assert found, "not even these do: the check is broken"
    none_of([file for file in found if file.parent != SOURCE / "src" / "uv" and file.name != "adieu_uv.h"],
            "libuv is included by")


def transports_and_the_command_include_only_public_headers_and_their_own():
    for folder, allowed in {
        "src/socket": names("src/socket") | {"adieu.h"},
        "src/fd": names("src/fd", "src/socket") | {"adieu.h", "adieu_fd.h"},
        "src/uv": names("src/uv", "src/socket") | {"adieu.h", "adieu_uv.h"},
        "cli": names("cli", "include"),
    }.items():
        none_of({f"{file}: {name}" for file, bracket, name in includes(folder)
                 if bracket == '"' and name not in allowed}, f"{folder} may not include")


def libadieu_exports_what_its_headers_declare_and_no_more():
    assert exported(LIBADIEU) == declared("adieu.h", "adieu_openssl.h"), difference(
        exported(LIBADIEU), declared("adieu.h", "adieu_openssl.h"))


def libadieu_fd_exports_what_its_header_declares_and_no_more():
    assert exported(LIBADIEU_FD) == declared("adieu_fd.h"), difference(exported(LIBADIEU_FD), declared("adieu_fd.h"))


def libadieu_uv_exports_what_its_header_declares_and_no_more():
    if not LIBADIEU_UV:
        raise tap.Skip("there is no libuv")
    assert exported(*LIBADIEU_UV) == declared("adieu_uv.h"), difference(exported(*LIBADIEU_UV), declared("adieu_uv.h"))


def difference(exports, declarations):
    return (f"exported, not declared: {sorted(exports - declarations)}\n"
            f"declared, not exported: {sorted(declarations - exports)}")


tap.run(
    the_core_refers_to_nothing_but_its_engine_and_plain_memory,
    the_core_includes_only_its_own_headers_and_the_standard_ones_without_io,
    only_the_engine_and_its_header_include_openssl,
    only_its_transport_and_its_header_include_libuv,
    transports_and_the_command_include_only_public_headers_and_their_own,
    libadieu_exports_what_its_headers_declare_and_no_more,
    libadieu_fd_exports_what_its_header_declares_and_no_more,
    libadieu_uv_exports_what_its_header_declares_and_no_more,
)
