"""T7. Hostile YAML: settings, sweeps and preference sets as nobody should write them."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helpers.cli_runner import inside
from helpers.hostile_files import NASTY, SEEDS, answer, mutated

from ppo_cli.config.dump import dump_config
from ppo_cli.config.resolve import load_config, resolve_config
from ppo_cli.config.shipped import shipped_config_dir
from ppo_cli.errors import CorruptFileError
from ppo_cli.preferences.folder import PreferenceDir
from ppo_cli.sweeps.folder.sweep_yaml import dump_spec, read_spec
from ppo_cli.sweeps.spec.sweep_file import read_sweep_file
from torture.unit import Landed, Work, case_by_case, checked

PER_UNIT = 2500
COMMANDS_PER_UNIT = 250
NUM_UNITS = {"settings": 20, "sweep file": 10, "spec of a sweep": 5, "preference set": 5, "command": 10}
LONGEST = 10.0  # seconds of the processor for one file; measured: below 1
NASTIER = (
    *NASTY, b"&a [*a]", b"!!python/object/apply:os.system ['true']", b"!<tag:yaml.org,2002:str> x",
    b"? [a]: b\n", b"\xff\xfe", b"\xfe\xff", b"a: &x [*x, *x]\n", b"<<: *x\n", b"no", b"NO", b"y",
    b"12:34:56", b"0x1F", b"1_000", b"+.INF", b"-.inf", b"1e-400", b"1" + b"0" * 400, b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80", b"\x7f", b"\x1b[31m", "é".encode(), "ß".encode() * 50, "\u202e".encode(),
    b"[" * 5000, b"{a: " * 2000, b"- " * 3000, b"a" * 20_000, b"[bold red]x[/]", b"[/foo]",
    b"../../etc/passwd", b"/dev/zero", b"env_id: ../x\n", b"seed: -1\n", b"''", b'""', b"|2-\n   x\n",
    b">+\n\n\n", b"!", b"!!", b"*", b"&", b"%", b"`a`", b"{,}", b"[,]", b"{a}", b"? ? ?", b": : :",
)  # fmt: skip
SWEEP_SEEDS = [path.read_bytes() for path in sorted((shipped_config_dir() / "sweeps").glob("*.yaml"))]
SWEEP_SEEDS += [
    b"env: CartPole-v1\nparams:\n  learning_rate: [0.001, 0.01]\n  gamma: 0.9..0.99\nzip: true\nseeds: 2\n",
    b"env: CartPole-v1\nparams:\n  eps_clip: [0.1]\nsearch: tpe\ntrials: 5\nprune: true\nfirst_seed: 3\n",
]


# ---------------------------------------------------------------------- readers


def read_settings(path: Path) -> None:
    """Settings, which when accepted survive being written and read."""
    config = answer(lambda: load_config(path))
    if config is not None:
        path.write_text(dump_config(config), encoding="utf-8")
        assert load_config(path) == config
        answer(lambda: resolve_config(config_file=path))


def read_sweep(path: Path) -> None:
    """What a user writes for ``ppo sweep FILE``."""
    answer(lambda: read_sweep_file(path))


def read_own_spec(path: Path) -> None:
    """The file that a sweep keeps of itself; when accepted it survives being written and read."""
    try:
        spec = answer(lambda: read_spec(path))
    except CorruptFileError:
        return
    if spec is not None:
        path.write_text(dump_spec(spec), encoding="utf-8")
        assert read_spec(path) == spec


def read_preferences(path: Path) -> None:
    """The settings of a preference set."""
    try:
        answer(lambda: PreferenceDir(path.parent).settings())
    except CorruptFileError:
        return


def by_command(path: Path) -> None:
    """The command line: a documented code and a message, in words or as JSON."""
    for words in (
        ("config", "--config", path),
        ("train", "--dry-run", "--json", "--config", path, "--runs-dir", path.parent / "runs"),
        ("sweep", "--dry-run", path, "--runs-dir", path.parent / "runs"),
    ):
        result = inside(*map(str, words), cwd=path.parent)
        said = f"{words[0]}: {result.code}: {result.stderr[-300:]}"
        assert result.code in (0, 2), said
        assert "Traceback" not in result.stderr and "a bug of ours" not in result.stderr, said
        if "--json" in words:
            json.loads(result.stdout)
    assert not (path.parent / "runs").exists()


# ---------------------------------------------------------------------- the units


def seeds_of(case: str, folder: Path) -> list[bytes]:
    """Good files of a kind, to be spoiled."""
    if case in ("settings", "command"):
        return SEEDS + (SWEEP_SEEDS if case == "command" else [])
    if case == "sweep file":
        return SWEEP_SEEDS
    if case == "spec of a sweep":
        words = (
            "sweep", "--env", "CartPole-v1", "--set", "total_timesteps=64", "--set", "num_envs=2",
            "--set", "num_steps=16", "--set", "num_evals=0", "--set", "final_eval_episodes=1", "--param",
            "learning_rate=0.1,0.2", "--seeds", "1", "--confirm", "0", "--quiet",
        )  # fmt: skip
        result = inside(*words, cwd=folder)
        assert result.code == 0, result.stderr
        (path,) = folder.glob("runs/*/sweep.yaml")
        return [path.read_bytes()]
    words = ("prefer", "--env", "CartPole-v1", "--random", "--name", "mine", "--pairs", "1")
    result = inside(*words, cwd=folder)
    assert result.code == 0, result.stderr
    return [(folder / "runs" / "mine" / "preferences.yaml").read_bytes()]


READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "settings": ("c.yaml", read_settings),
    "sweep file": ("s.yaml", read_sweep),
    "spec of a sweep": ("sweep.yaml", read_own_spec),
    "preference set": ("preferences.yaml", read_preferences),
    "command": ("c.yaml", by_command),
}


def run(case: str, seed: int, folder: Path) -> Landed:
    """Spoil good files in many ways, and make some of nothing."""
    good, landed, slowest = seeds_of(case, folder), Landed(), 0.0
    name, read = READERS[case]
    path = folder / "hostile" / name
    path.parent.mkdir()
    for number in range(COMMANDS_PER_UNIT if case == "command" else PER_UNIT):
        rng = random.Random(f"{case} {seed} {number}")
        path.write_bytes(hostile(good, rng))
        began = time.process_time()
        checked(landed, f"{case} {seed}, number {number}", lambda: read(path))
        seconds = time.process_time() - began
        slowest = max(slowest, seconds)
        if seconds > LONGEST:
            landed.failures.append(f"{case} {seed}, number {number}: took {seconds:.0f} s")
    landed.measured["slowest_seconds"] = round(slowest, 3)
    return landed


def hostile(good: list[bytes], rng: random.Random) -> bytes:
    """One hostile file."""
    kind = rng.random()
    if kind < 0.05:
        return rng.randbytes(rng.randrange(300))
    if kind < 0.10:
        return b"".join(rng.choices(NASTIER, k=rng.randrange(1, 20)))
    data = mutated(rng.choice(good), rng, NASTIER)
    if kind < 0.13:
        return data.decode("utf-8", "replace").encode(rng.choice(("utf-16", "utf-32", "latin-1")), "replace")
    return data


HOSTILE_YAML = Work(case_by_case(NUM_UNITS), run)
