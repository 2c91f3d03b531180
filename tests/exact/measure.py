# SPDX-License-Identifier: MIT
"""Runs the programs, under callgrind and with libcounts.so, and reads what they tell."""
import collections
import json
import os
import pathlib
import re
import subprocess

# Above this many bytes the C library copies by one instruction, which callgrind counts once for each byte.
NO_STRINGS = "glibc.cpu.x86_rep_movsb_threshold=1000000000"
BOUND = 300


def certificate(folder):
    """A certificate that is its own root, and its key."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert,
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"],
                   check=True, capture_output=True, timeout=BOUND)
    return cert, key


def run(words, **variables):
    steady = {"MALLOC_PERTURB_": "0"}  # meson's fills what is allocated, which would be counted
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, timeout=BOUND, env={**os.environ, **steady, **variables}).stdout


def instructions(program, identity, folder, valgrind="valgrind"):
    """{(operation, side): instructions each time}. The profiles stay in the folder, for callgrind_annotate."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("callgrind.*"):
        old.unlink()
    run([valgrind, "--quiet", "--tool=callgrind", "--collect-atstart=no", f"--callgrind-out-file={folder}/callgrind", program, *identity],
        GLIBC_TUNABLES=NO_STRINGS)
    found = {}
    for dump in folder.glob("callgrind.*"):
        text = dump.read_text()
        label = re.search(r"^desc: Trigger: Client Request: (.+) (server|client) (\d+)$", text, re.MULTILINE)
        total = re.search(r"^totals: (\d+)$", text, re.MULTILINE)
        if label and total:
            found[label[1], label[2]] = int(total[1]) / int(label[3])
    return found


def counts(program, identity, library, **variables):
    """{(operation, side): {what: how many each time}}"""
    found = {}
    for line in run([program, *identity], LD_PRELOAD=str(library), **variables).splitlines():
        told = json.loads(line)
        each = {name: told[name] / told["times"] for name in ("allocations", "buffers", "ours", "held", "copied")}
        each |= {name: count / told["times"] for name, count in told["calls"].items()}
        each["calls"] = sum(told["calls"].values()) / told["times"]
        each["pieces"] = each["allocations"] - each["buffers"]
        found[told["operation"], told["side"]] = each
    return found


def together(figures, subject):
    """A connection is a handshake and the close that the client began."""
    for side in "server", "client":
        for kind in "full", "resumed":
            for what in "instructions", "ours", "pieces", "buffers", "calls":
                place = figures[what]
                place[f"{kind} connection", side][subject] = place[f"{kind} handshake", side][subject] + place["answered close", side][subject]


def measure(folder, subjects, identity):
    """figures[what][operation, side][subject]"""
    figures = collections.defaultdict(lambda: collections.defaultdict(dict))
    for subject in subjects:
        program, library = folder / f"figures_{subject}", folder / "libcounts.so"
        for place, count in instructions(program, identity, folder / "profiles" / subject).items():
            figures["instructions"][place][subject] = count
        for place, each in counts(program, identity, library).items():
            for what, count in each.items():
                figures[what][place][subject] = count
        together(figures, subject)
    # What an idle connection of bare OpenSSL need not hold is not what adieu is compared with.
    for place, each in counts(folder / "figures_openssl", identity, library, RELEASE_BUFFERS="1").items():
        if place[0] == "idle":
            figures["held"][place]["openssl"] = each["held"]
    return figures


def programs(folder):
    return [subject for subject in ("openssl", "fd", "uv") if (pathlib.Path(folder) / f"figures_{subject}").exists()]
