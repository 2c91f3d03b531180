# SPDX-License-Identifier: MIT
"""Completions for bash, zsh and fish, made by the build from the option table: all of it, and where the shell is present they work."""
import os
import pathlib
import pty
import re
import select
import subprocess
import time

import pytest

from lib_command import ROOT
from lib_claims import SLOWNESS, need

FILES = {"bash": "adieu", "zsh": "_adieu", "fish": "adieu.fish"}


@pytest.fixture(scope="module")
def made(adieu):
    """made(shell) -> the path of its completions, beside the program in the build folder."""
    def do(shell):
        path = pathlib.Path(adieu).parent / "cli" / FILES[shell]
        if not path.is_file():
            pytest.skip(f"{path} is not there: this is no build folder")
        return path
    return do


def table():
    """(name, letter, argument, commands) of each option."""
    rows = re.findall(r"""^OPTION\("([a-z0-9-]+)", (0|'.'), (NULL|"[^"]*"), (\w+)""", (ROOT / "cli/options.def").read_text(), re.M)
    assert len(rows) > 25
    for name, letter, argument, commands in rows:
        both = ["connect", "listen"] if commands == "BOTH" else [commands.removeprefix("COMMAND_").lower()]
        yield name, letter.strip("'0"), None if argument == "NULL" else argument.strip('"'), both


def shell_says(*command, env=None, **kw):
    environment = {**os.environ, "LC_ALL": "C", **(env or {})}
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=30, check=True, env=environment, **kw)
    assert done.stderr == "", done.stderr
    return done.stdout.splitlines()


# ---------------------------------------------------------------- what is in them


def options_in(shell, text, command):
    """The options that a completion file offers for a command."""
    if shell == "bash":
        offered = re.search(rf"^ +{command}\) _adieu_offer -W '(.*)' ;;", text, re.M).group(1)
        return re.findall(r"--([a-z0-9-]+)", offered)
    if shell == "zsh":
        part = re.search(rf"^ +{command}\)\n(.*?)^ +;;", text, re.M | re.S).group(1)
        return re.findall(r"^ +'(?:\*|\(-. )--([a-z0-9-]+)", part, re.M)
    lines = [line for line in text.splitlines() if re.search(rf"__fish_seen_subcommand_from [a-z ]*{command}", line)]
    return [re.search(r" -l ([a-z0-9-]+)", line).group(1) for line in lines]


@pytest.mark.parametrize("shell", FILES)
@pytest.mark.parametrize("command", ["connect", "listen"])
def test_every_option_of_the_table_is_offered_and_no_other(made, shell, command):
    wanted = [name for name, _, _, commands in table() if command in commands]
    assert options_in(shell, made(shell).read_text(), command) == wanted


@pytest.mark.parametrize("shell", FILES)
def test_every_choice_is_offered(made, shell):
    text = made(shell).read_text()
    for name, _, argument, _ in table():
        if argument and re.fullmatch(r"[a-z0-9.]+(\|[a-z0-9.]+)+", argument):
            words = argument.replace("|", " ")
            assert any(name in line and words in line for line in text.splitlines()), f"{shell}: --{name} {words}"


@pytest.mark.parametrize("shell", FILES)
def test_the_shell_itself_finds_no_fault_with_them(made, shell):
    need(shell)
    shell_says(shell, *(["--no-execute"] if shell == "fish" else ["-n"]), made(shell))


# ---------------------------------------------------------------- bash


def bash(made, *words):
    """What bash offers for the last of the words, split as bash splits them by default."""
    need("bash")
    script = """source "$1"; shift; COMP_WORDS=(adieu "$@"); COMP_CWORD=$#; _adieu; for word in "${COMPREPLY[@]}"; do printf '%s\\n' "$word"; done"""
    return shell_says("bash", "--norc", "-c", script, "bash", made("bash"), *words)


def test_bash_offers_the_commands(made):
    assert bash(made, "") == ["connect", "listen", "--help", "--version"]
    assert bash(made, "co") == ["connect"]


@pytest.mark.parametrize("words, offered", [
    (["connect", "--unt"], ["--until"]),
    (["connect", "--ti"], ["--timeout-connect", "--timeout-handshake", "--timeout-close", "--timeout-idle", "--timeout-total"]),
    (["listen", "--ca"], []), (["connect", "--ca"], ["--ca"]), (["listen", "--client"], ["--client-ca"]),
    (["connect", "--until", ""], ["both", "peer", "self"]), (["connect", "--until", "p"], ["peer"]),
    (["connect", "--until", "="], ["both", "peer", "self"]), (["connect", "--until", "=", "s"], ["self"]),
    (["connect", "--until=s"], ["--until=self"]), (["connect", "--until=self", "--min", ""], ["1.2", "1.3"]),
    (["connect", "--starttls", "p"], ["pop3", "postgres"]), (["connect", "h:1", "--end", "al"], ["alert"]),
    (["connect", "--timeout-idle", ""], ["never"]), (["connect", "--pin", ""], []), (["connect", "--name", "x"], []),
    (["connect", "--until", "=", "self", "--unt"], ["--until"]), (["nothing", "--unt"], []),
])
def test_bash_offers_options_and_their_values(made, words, offered):
    assert bash(made, *words) == offered


def test_bash_offers_files_also_with_spaces(made, tmp_path):
    (tmp_path / "my key.pem").write_text("")
    (tmp_path / "my folder").mkdir()
    for words in (["connect", "--cert", f"{tmp_path}/my"], ["connect", "--cert", "=", f"{tmp_path}/my"]):
        assert sorted(bash(made, *words)) == [f"{tmp_path}/my folder", f"{tmp_path}/my key.pem"]
    assert bash(made, "connect", f"--report={tmp_path}/my k") == [f"--report={tmp_path}/my key.pem"]


def test_bash_has_it_registered_for_adieu(made):
    need("bash")
    assert shell_says("bash", "--norc", "-c", 'source "$1"; complete -p adieu', "bash", made("bash")) == ["complete -F _adieu adieu"]


# ---------------------------------------------------------------- fish


@pytest.mark.parametrize("line, offered", [
    ("adieu ", ["connect", "listen"]), ("adieu connect --unt", ["--until"]), ("adieu connect --until ", ["both", "peer", "self"]),
    ("adieu connect --until=p", ["--until=peer"]), ("adieu listen --cl", ["--client-ca"]), ("adieu connect --cl", []), ("adieu connect --end al", ["alert"]),
])
def test_fish_offers_the_same(made, line, offered, tmp_path):
    need("fish")
    said = shell_says("fish", "--no-config", "-c", f"source {made('fish')}; complete -C '{line}'", env={"HOME": str(tmp_path)})
    assert [row.split("\t")[0] for row in said] == offered


# ---------------------------------------------------------------- zsh


def read_until(terminal, condition, seconds=20 * SLOWNESS):
    """What a terminal shows, until the condition holds of it."""
    shown, deadline = "", time.monotonic() + seconds
    while not condition(shown):
        ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"the terminal shows only {shown!r}"
        shown += os.read(terminal, 4096).decode("utf-8", "replace")
    return shown


@pytest.fixture
def zsh(made, tmp_path):
    """A zsh on a terminal, with the completions loaded: only there it completes."""
    need("zsh")
    (tmp_path / "_adieu").write_bytes(made("zsh").read_bytes())
    terminal, inner = pty.openpty()
    process = subprocess.Popen(["zsh", "-f", "-i"], stdin=inner, stdout=inner, stderr=inner, start_new_session=True,
                               env={**os.environ, "HOME": str(tmp_path), "TERM": "vt100", "LC_ALL": "C"})
    os.close(inner)
    os.write(terminal, f"fpath=({tmp_path} $fpath); autoload -Uz compinit; compinit -u -D; echo REA''DY\n".encode())
    read_until(terminal, lambda shown: "READY" in shown)
    yield terminal
    process.kill()
    process.wait(10)
    os.close(terminal)


@pytest.mark.parametrize("line, offered", [
    ("adieu connect --until ", ["both", "peer", "self"]), ("adieu connect --starttls=p", ["pop3", "postgres"]), ("adieu ", ["connect", "listen"]),
    ("adieu listen --cl", ["--client-ca"])])
def test_zsh_offers_the_same(zsh, line, offered):
    os.write(zsh, line.encode() + b"\t\t")
    read_until(zsh, lambda shown: all(word in shown.replace("\x1b[1m", "") for word in offered))
