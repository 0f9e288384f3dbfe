"""T4. A disk that is really full: tiny file systems in memory, longest files, and /dev/full."""

from __future__ import annotations

import contextlib
import functools
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helpers.cli_runner import Result, environment
from helpers.ppo_process import PpoProcess
from helpers.run_outcome import assert_same_outcome, outcome

from ppo_cli.runs.run_dir import list_runs
from torture.unit import Landed, Units, Work, checked

SIZES = 40  # from 64 kB to 4 MB, each a little larger than the one before
PER_UNIT = 10
STDOUT = (("list",), ("list", "--json"), ("show", "latest"), ("config", "--env", "CartPole-v1"), ("--help",))
TRAIN = (
    "train", "--env", "Pendulum-v1", "--total-timesteps", "3840", "--seed", "1", "--set", "num_envs=4",
    "--set", "num_steps=16", "--set", "num_epochs=2", "--set", "num_minibatches=2",
    "--set", "hidden_sizes=[64, 64]", "--set", "num_evals=8", "--set", "eval_episodes=1",
    "--set", "final_eval_episodes=2", "--set", "tensorboard=true", "--set", "normalize_obs=true",
    "--set", "keep_policies=5", "--set", "engine=torch",
)  # fmt: skip


def says_so_in_a_line(result: Result) -> bool:
    """Whether it ended with 74, one line of error that names a file, and no traceback."""
    errors = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    return result.code == 74 and len(errors) == 1 and "Traceback" not in result.stderr


@contextlib.contextmanager
def small_disk(place: Path, kilobytes: int) -> Iterator[None]:
    """A file system of its own, which is full soon; needs the right to mount."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def on_a_small_disk(kilobytes: int, folder: Path, expected: dict[str, Any]) -> None:
    """A training fills a disk; when there is more space it ends as if nothing had been."""
    disk = folder / f"disk-{kilobytes}"
    with small_disk(disk, kilobytes):
        result = PpoProcess([*TRAIN, "--runs-dir", disk / "runs"], folder).wait()
        assert result.code == 0 or says_so_in_a_line(result), f"{result.code}: {result.stderr[-500:]}"
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        goes_on(disk / "runs", folder, expected)


def goes_on(runs_dir: Path, folder: Path, expected: dict[str, Any]) -> None:
    """With space, the run is resumed, or begun if there is none."""
    runs = list_runs(runs_dir)
    words = ["train", "--resume", runs[0].path] if runs else [*TRAIN, "--runs-dir", runs_dir]
    again = PpoProcess(words, folder).wait()
    assert again.code == 0 or "complete" in again.stderr, f"{again.code}: {again.stderr[-300:]}"
    (run,) = list_runs(runs_dir)
    assert_same_outcome(run.path, expected)
    assert [path.name for path in runs_dir.iterdir() if path.name.startswith(".")] == []


def with_a_longest_file(limit: int, folder: Path, expected: dict[str, Any]) -> None:
    """No file may grow beyond a size."""
    runs_dir = folder / f"limit-{limit}"
    result = PpoProcess([*TRAIN, "--runs-dir", runs_dir], folder, max_file_bytes=limit).wait()
    assert result.code == 0 or says_so_in_a_line(result), f"{result.code}: {result.stderr[-500:]}"
    goes_on(runs_dir, folder, expected)


def to_a_full_device(words: tuple[str, ...], folder: Path) -> None:
    """What a command prints does not fit."""
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "ppo_cli", *words], cwd=folder, env=environment(), stdout=full,
            stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert result.returncode == 74 and "Traceback" not in result.stderr, (
        f"{result.returncode}: {result.stderr}"
    )
    assert "No space left" in result.stderr, result.stderr


def run(case: str, seed: int, folder: Path) -> Landed:
    """Some sizes of a kind."""
    undisturbed, landed = folder / "undisturbed", Landed()
    result = PpoProcess([*TRAIN, "--runs-dir", undisturbed], folder).wait()
    assert result.code == 0, result.stderr
    expected = outcome(list_runs(undisturbed)[0].path)
    if case == "device":
        (folder / "runs").symlink_to(undisturbed)
        for words in STDOUT:
            checked(landed, f"ppo {' '.join(words)}", functools.partial(to_a_full_device, words, folder))
        return landed
    rng = random.Random(f"{case} {seed}")
    for number in range(PER_UNIT):
        place = SIZES // PER_UNIT * number + seed - 1
        if case == "disk":
            kilobytes = round(64 * 64 ** (place / (SIZES - 1)))
            check = functools.partial(on_a_small_disk, kilobytes, folder, expected)
            checked(landed, f"{kilobytes} kB", check)
        else:
            limit = rng.randint(0, 120_000)
            check = functools.partial(with_a_longest_file, limit, folder, expected)
            checked(landed, f"files of at most {limit} bytes", check)
            shutil.rmtree(folder / f"limit-{limit}", ignore_errors=True)
    return landed


def units(quick: bool) -> Units:
    """All sizes of disks, longest files, the device."""
    can_mount = os.geteuid() == 0 and shutil.which("mount")
    for seed in range(1, 2 if quick else SIZES // PER_UNIT + 1):
        if can_mount:
            yield "disk", seed
        yield "longest file", seed
        yield "longest file", seed + SIZES // PER_UNIT
    yield "device", 1


FULL_DISK = Work(units, run)
