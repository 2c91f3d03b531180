# SPDX-License-Identifier: MIT
"""What it was measured with. Nothing that names this very machine: no host, no path, no user."""
import datetime
import json
import os
import platform
import re
import subprocess

import processes

VERSIONS = {
    "OpenSSL": (["openssl", "version"], r"OpenSSL (\S+)"),
    "GnuTLS": (["pkg-config", "--modversion", "gnutls"], r"(\S+)"),
    "libuv": (["pkg-config", "--modversion", "libuv"], r"(\S+)"),
    "libevent": (["pkg-config", "--modversion", "libevent"], r"(\S+)"),
    "Boost": (["sh", "-c", "echo BOOST_LIB_VERSION | cc -x c++ -include boost/version.hpp -E -P - | tail -n 1"], r'"(\S+)"'),
    "Go": (["go", "version"], r"go(\d\S+)"),
    "Node": (["node", "-p", "process.version + ', OpenSSL ' + process.versions.openssl"], r"v(.+)"),
    "Python": (["/usr/bin/python3", "-c", "import ssl, sys; print(sys.version.split()[0] + ',', ssl.OPENSSL_VERSION)"], r"(\S+, OpenSSL \S+)"),
    "socat": (["socat", "-V"], r"version (\S+)"),
    "ncat": (["ncat", "--version"], r"Version (\S+)"),
    "valgrind": (["valgrind", "--version"], r"valgrind-(\S+)"),
    "compiler": (["cc", "--version"], r"(.+)"),
}


def output(command, folder=None):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, cwd=folder, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr if done.returncode == 0 else ""


def version(command, pattern):
    found = re.search(pattern, output(command))
    return found[1] if found else "not there"


def first(path, pattern, default="unknown"):
    try:
        with open(path) as file:
            found = re.search(pattern, file.read(), re.MULTILINE)
    except OSError:
        return default
    return found[1].strip() if found else default


def build_options(build):
    try:
        options = {option["name"]: option["value"] for option in json.loads((build / "meson-info" / "intro-buildoptions.json").read_text())}
    except OSError:
        return "unknown"
    return ", ".join([f"-O{options['optimization']}", *(["-g"] if options["debug"] else []), *options["c_args"],
                      f"b_lto={str(options['b_lto']).lower()}"])


def commit(tree):
    name = output(["git", "rev-parse", "--short", "HEAD"], tree).strip() or "unknown"
    changed = output(["git", "status", "--porcelain", "--untracked-files=no", "--", "src", "include", "cli", "bench/peers", "bench/load"], tree)
    return name + (" with changes" if changed.strip() else "")


def share_a_core():
    """Whether the two processors that are used are threads of one core: what is measured beside the other is then slower. A hypervisor may hide it."""
    siblings = first(f"/sys/devices/system/cpu/cpu{processes.MEASURED}/topology/thread_siblings_list", r"(.+)", "")
    return processes.MEASURED != processes.OTHER and str(processes.OTHER) in re.split("[,-]", siblings)


def facts(place, tree):
    memory_kb = int(first("/proc/meminfo", r"^MemTotal:\s*(\d+)", "0"))
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(tree),
        "quick": place.quick,
        "processor": first("/proc/cpuinfo", r"^model name\s*:\s*(.+)$", platform.machine()),
        "cores": len(processes.CORES),
        "share_a_core": share_a_core(),
        "memory": f"{memory_kb / 2**20:.0f} GiB",
        "virtual": "hypervisor" in first("/proc/cpuinfo", r"^flags\s*:\s*(.+)$", ""),
        "system": first("/etc/os-release", r'^PRETTY_NAME="(.+)"$'),
        "kernel": f"{platform.system()} {platform.release()}",
        "flags": build_options(place.build),
        "load_before": round(os.getloadavg()[0], 2),
        "versions": {name: version(*how) for name, how in VERSIONS.items()},
    }
