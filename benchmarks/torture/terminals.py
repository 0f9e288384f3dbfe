"""T17. Hostile terminals: none, dumb, narrow, without colours or letters, closed; names that are markup."""

from __future__ import annotations

import contextlib
import functools
import os
import pty
import subprocess
import sys
from pathlib import Path

from helpers.cli_runner import TINY, environment, inside
from helpers.run_folders import make_run

from torture.unit import Landed, Units, Work, checked

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("list",), ("show", "latest"), ("train", *TINY), ("config", "--env", "CartPole-v1", "--explain"),
    ("envs",), ("sweep", "--env", "CartPole-v1", "--param", "gamma", "--dry-run"), ("show", "nothing"),
)  # fmt: skip
PLACES: dict[str, dict[str, str]] = {
    "dumb": {"TERM": "dumb"},
    "unknown": {"TERM": "no-such-terminal"},
    "no name": {"TERM": ""},
    "20 columns": {"COLUMNS": "20", "LINES": "5"},
    "1 column": {"COLUMNS": "1", "LINES": "1"},
    "no number of columns": {"COLUMNS": "wide", "LINES": "-1"},
    "10,000 columns": {"COLUMNS": "10000"},
    "no colours": {"NO_COLOR": "1"},
    "C": {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "ascii": {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    "latin": {"PYTHONIOENCODING": "latin-1:strict", "PYTHONUTF8": "0"},
    "no home": {"HOME": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent"},
}
CLOSED = ("stdin", "stdout", "stderr", "all")
HOSTILE_NAMES = (
    "[bold]x[-s1",
    "[/]-s1",
    "a[link=file:///x]b-s1",
    "é-s1",
    "日本-s1",
    "x\x1b[31m-s1",
    "a\nb-s1",
)
SECONDS = 300


def prepared(folder: Path) -> None:
    """A run, and others with names that are no names."""
    result = inside("train", *TINY, "--quiet", cwd=folder)
    assert result.code == 0, result.stderr
    for name in HOSTILE_NAMES:
        make_run(folder / "runs", name, 12.0, seed=1)


def command_line(words: tuple[str, ...]) -> list[str]:
    """Its own interpreter: streams are opened by Python itself."""
    return [sys.executable, "-m", "ppo_cli", *words]


def to_a_pipe(words: tuple[str, ...], variables: dict[str, str], folder: Path) -> None:
    """Not a terminal: no escape sequences."""
    done = subprocess.run(
        command_line(words), cwd=folder, env=environment(**variables), capture_output=True,
        stdin=subprocess.DEVNULL, timeout=SECONDS, check=False,
    )  # fmt: skip
    judged(words, done.returncode, done.stdout + done.stderr)
    assert b"\x1b" not in done.stdout + done.stderr, "an escape sequence where no terminal is"


def to_a_terminal(words: tuple[str, ...], variables: dict[str, str], folder: Path) -> None:
    """A terminal that is not what it was expected to be."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command_line(words), cwd=folder, env=environment(**variables), stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    said = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while piece := os.read(master, 65536):
            said += piece
    os.close(master)
    code = process.wait(SECONDS)
    judged(words, code, said)
    if "NO_COLOR" in variables:
        assert b"\x1b[31m" not in said and b"\x1b[1;31m" not in said, "a colour"


def with_closed(words: tuple[str, ...], closed: str, folder: Path) -> None:
    """A shell's ``>&-``."""
    streams = {"stdin": "<&-", "stdout": ">&-", "stderr": "2>&-", "all": "<&- >&- 2>&-"}[closed]
    line = " ".join(f"'{word}'" for word in command_line(words))
    done = subprocess.run(
        ["sh", "-c", f"{line} {streams}"], cwd=folder, env=environment(), capture_output=True,
        timeout=SECONDS, check=False,
    )  # fmt: skip
    judged(words, done.returncode, done.stdout + done.stderr)


def judged(words: tuple[str, ...], code: int, said: bytes) -> None:
    """The code is the right one, and nothing was thrown."""
    text = said.decode(errors="replace")
    allowed = (2,) if words[-1] == "nothing" else (0, 74)
    assert code in allowed, f"{code}: {text[-400:]}"
    assert "Traceback" not in text and "this is a bug" not in text, text[-600:]
    assert "\x1b]8;;file:" not in text, "a link of a stranger's"


def run(case: str, seed: int, folder: Path) -> Landed:
    """All places for a command."""
    words, landed = COMMANDS[seed], Landed()
    prepared(folder)
    for name, variables in PLACES.items():
        for where in (to_a_pipe, to_a_terminal):
            what = f"ppo {words[0]}, {where.__name__}, {name}"
            checked(landed, what, functools.partial(where, words, variables, folder))
    for closed in CLOSED:
        what = f"ppo {words[0]}, {closed} closed"
        checked(landed, what, functools.partial(with_closed, words, closed, folder))
    return landed


def units(quick: bool) -> Units:
    """Each command."""
    for number in range(1 if quick else len(COMMANDS)):
        yield "terminal", number


TERMINALS = Work(units, run)
