"""T8. Hostile command lines: any command with any options, values and names.

Everything that the interpreter reports to an audit hook is watched meanwhile: nothing outside the folder may
be written, no program started, no connection made.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import typer.main
from helpers.cli_runner import NAME, TINY, inside

from ppo_cli.cli import COMMANDS, app
from torture.unit import Landed, Work, checked, seed_by_seed

PER_UNIT, NUM_UNITS = 500, 20
LONGEST = 60  # seconds of the processor for one command line
NAMES = (
    "../x", "../../../../../../etc/x", "/etc/x", "/", ".", "..", "~", "~root", "a/b", "a\\b", "C:\\x",
    "\\\\host\\x", "CON", "NUL", "nul.txt", "COM1", "a.", "a ", " a", "-x", "--", "-", "", " ", "\t", "\n",
    "a\nb", "\r", "\x1b[31mred", "\x07", "\u202egnp.exe", "\u200b", "é", "e\u0301", "\u017f", "İ", "ß",
    "日本", "🦊", "a" * 99, "a" * 100, "a" * 255, "a" * 5000, "%s%n", "$(touch x)", "`touch x`", "; touch x",
    "| touch x", "&& touch x", "[/]", "[bold]x", "[link=file:///x]x[/link]", "{0}", "{x}", "*", "?",
    "[a-z]", "latest", "LATEST", "runs", "runs/../..", "./x", ".hidden", "config.yaml", "x.yaml", "\udc80",
    "a\udcffb", "/dev/null", "/dev/zero", "/proc/self/mem", "/etc/passwd", "file:///etc/passwd", "@x", "=",
    "a=b",
)  # fmt: skip
VALUES = (
    "0", "1", "2", "-1", "-0", "1e400", "nan", "inf", "-inf", "1e-400", "9" * 50, "9" * 5000, "0x10", "1_0",
    "\u0661", "½", "1,2", "1.5", "true", "null", "[]", "{}", "[1", "a=b=c", "lr", "learning_rate",
    "learning_rate=", "=1", "learning_rate=nan", "learning_rate=0.1..0",
    "learning_rate=1e-4..1e-2:log:1000000000", "gamma=0.9..1:0", "eps_clip=0.1,0.1", "seed=1,2",
    "env_kwargs={a: [1, {b: 2}]}", "env_kwargs={{", "num_envs=-1", "num_envs=1e9", "hidden_sizes=[0]",
    "hidden_sizes=[]", "hidden_sizes=[" + "9," * 500 + "]", "custom.x=1", "a.b.c.d=1", "CartPole-v1",
    "cartpole", "LunarLander-v2", "NoSuch-v0", "os:system", "a:b:c", "mod:Env-v0", "Pong-v5", "ppo-clip",
    "grpo", "dpo", "best", "RUN", NAME, NAME[:3], f"runs/{NAME}", f"x={NAME}", "c.yaml", "deep.yaml",
    "binary.bin", "empty", "a_folder", "fifo", "loop", "numpy", "onnx", "sb3", "card", "gif", "x.gif",
    "x.mp4", "x.png", "x.html", "synthetic", "tpe", "ray", "auto", "full", "worst",
)  # fmt: skip
NEVER = {"--executor", "--ray-address"}  # starts a cluster
PLACES = {"--output", "--runs-dir", "-o"}  # a user may name any place there


# ---------------------------------------------------------------------- what is watched


class Watch:
    """Refuses what would leave a folder, and remembers it."""

    def __init__(self) -> None:
        self.folder: str | None = None
        self.seen: list[str] = []
        sys.addaudithook(self)

    @contextlib.contextmanager
    def of(self, folder: Path) -> Iterator[list[str]]:
        """Watch while the block runs."""
        self.folder, self.seen = str(folder.resolve()), []
        try:
            yield self.seen
        finally:
            self.folder = None

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Told of everything that the interpreter does."""
        if self.folder is None or event not in WATCHED:
            return
        for path in WATCHED[event](arguments):
            if self.is_outside(path):
                self.seen.append(f"{event} {path!r}"[:200])
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    def is_outside(self, path: Any) -> bool:
        """Whether a path is not under the folder (nor nowhere, nor in the user's own state)."""
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        real = os.path.realpath(os.fspath(path))
        real = real.decode(errors="replace") if isinstance(real, bytes) else real
        allowed = (str(self.folder), os.environ["XDG_STATE_HOME"])
        return real != os.devnull and not any(real == one or real.startswith(one + os.sep) for one in allowed)


def _opened(arguments: tuple[Any, ...]) -> list[Any]:
    path, mode, flags = arguments
    writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    by_mode = isinstance(mode, str) and set(mode) & set("wax+")
    return [path] if by_mode or (mode is None and flags & writes) else []


def _first(arguments: tuple[Any, ...]) -> list[Any]:
    return [arguments[0]]


def _both(arguments: tuple[Any, ...]) -> list[Any]:
    return list(arguments[:2])


def _always(arguments: tuple[Any, ...]) -> list[Any]:
    return ["/a program or a connection"]


WATCHED: dict[str, Callable[[tuple[Any, ...]], list[Any]]] = {
    "open": _opened,
    **dict.fromkeys(
        ("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod", "shutil.rmtree"), _first
    ),
    **dict.fromkeys(("os.rename", "os.link", "os.symlink"), _both),
    **dict.fromkeys(
        ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "socket.connect"), _always
    ),
}
_watch: list[Watch] = []  # a hook cannot be removed: one for all units


def watching(folder: Path) -> contextlib.AbstractContextManager[list[str]]:
    """Watch while a block runs; what would have left the folder is refused, and listed."""
    if not _watch:
        _watch.append(Watch())
    return _watch[0].of(folder)


# ---------------------------------------------------------------------- command lines


def options_of(command: str) -> dict[str, bool]:
    """The options of a command, and whether each takes a value."""
    group: Any = typer.main.get_command(app)
    found: dict[str, bool] = {}
    for parameter in group.commands[command].params:
        if parameter.param_type_name == "option":
            is_flag = bool(getattr(parameter, "is_flag", False))
            names = [*parameter.opts, *parameter.secondary_opts]
            found |= {name: not is_flag for name in names if name not in NEVER}
    return found


def words_of(rng: random.Random) -> list[str]:
    """A command line that does not mean what it says; it would train nothing, whatever it is."""
    if rng.random() < 0.03:
        return rng.choices((*NAMES, *VALUES, *COMMANDS), k=rng.randrange(4))
    command = rng.choice(list(COMMANDS))
    options = options_of(command)
    words: list[str] = []
    for _ in range(rng.randrange(5)):
        kind = rng.random()
        if kind < 0.65:
            option = rng.choice(list(options))
            words.append(option)
            if options[option]:
                words.append(value(option, rng))
        elif kind < 0.95:
            words.append(rng.choice((*NAMES, *VALUES)))
        else:
            words.append("--" + rng.choice((*NAMES, *options)).lstrip("-"))
    if command in ("train", "sweep"):
        words.append("--dry-run")
    if command == "prefer":
        words += ["--pairs", rng.choice(("1", "2"))]
    if command == "reward-model":
        words += ["--epochs", "1"] if "--epochs" in options else []
    return [command, *words]


def value(option: str, rng: random.Random) -> str:
    """A value for an option: often one that may be meant for it."""
    if option in ("--of", "--episodes", "--pairs", "--seeds", "--trials"):
        return rng.choice(("0", "1", "2", "-1", "x", "", "1e3", "9" * 40))
    return rng.choice(NAMES if rng.random() < 0.4 else VALUES)


# ---------------------------------------------------------------------- the units


def run(case: str, seed: int, folder: Path) -> Landed:
    """Try command lines in a folder with a run and some odd files."""
    good, here, landed, slowest = folder / "good", folder / "a" / "b" / "c", Landed(), 0.0
    good.mkdir()
    furnish(good)
    signal.signal(signal.SIGVTALRM, _too_long)
    for number in range(PER_UNIT):
        words = words_of(random.Random(f"{case} {seed} {number}"))
        shutil.rmtree(here.parent.parent, ignore_errors=True)
        shutil.copytree(good, here, symlinks=True)
        os.mkfifo(here / "fifo")
        began = time.process_time()
        what = f"{case} {seed}, number {number}"
        checked(landed, what, functools.partial(answered, words, here, folder))
        slowest = max(slowest, time.process_time() - began)
    landed.measured["slowest_seconds"] = round(slowest, 2)
    return landed


def furnish(folder: Path) -> None:
    """A run, and files of several kinds."""
    result = inside("train", *TINY, "--quiet", cwd=folder)
    assert result.code == 0, result.stderr
    (folder / "c.yaml").write_text("env_id: CartPole-v1\n")
    (folder / "deep.yaml").write_text("[" * 100)
    (folder / "binary.bin").write_bytes(bytes(range(256)))
    (folder / "empty").touch()
    (folder / "a_folder").mkdir()
    (folder / "loop").symlink_to("loop")


def answered(words: Sequence[str], here: Path, folder: Path) -> None:
    """The command ends soon with a documented code and a sentence, and stays in the folder."""
    signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST)
    before, tempfile.tempdir = tempfile.tempdir, str(here)
    try:
        with watching(here) as left, open_standard_input():
            result = inside(*words, cwd=here)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        tempfile.tempdir = before
    said = f"ppo {[word[:60] for word in words]}: {result.code}: {result.stderr[-400:]}"
    assert result.code in (0, 2, 3, 4, 5, 74), said
    assert "Traceback" not in result.stderr and "this is a bug" not in result.stderr + result.stdout, said
    if result.code and words[0] != "doctor":  # whose answer is a table
        assert "error: " in result.stderr or '"error"' in result.stdout, said
    if "--json" in words and "--" not in words and result.code and result.stdout.strip():
        json.loads(result.stdout)
    meant = words[:1] == ["doctor"] or any(word.split("=")[0] in PLACES for word in words)
    assert not left or meant, f"{said}: it would have left the folder: {left}"
    outside = sorted(path.name for path in folder.iterdir())
    assert outside == ["a", "good"], f"{said}: {outside}"


@contextlib.contextmanager
def open_standard_input() -> Iterator[None]:
    """Nobody types anything."""
    before = sys.stdin
    with open(os.devnull) as nothing:
        sys.stdin = nothing
        try:
            yield
        finally:
            sys.stdin = before


def _too_long(signum: int, frame: Any) -> NoReturn:
    raise TimeoutError(f"no answer within {LONGEST} s of the processor")


HOSTILE_WORDS = Work(seed_by_seed(["command line"], NUM_UNITS), run)
