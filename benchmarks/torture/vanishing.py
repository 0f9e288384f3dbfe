"""T18. A run's folder goes away while it is written: removed, moved, replaced."""

from __future__ import annotations

import functools
import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from helpers.ppo_process import PpoProcess
from processes.test_kill import CASES

from torture.unit import Landed, Work, checked, seed_by_seed

PER_UNIT, NUM_UNITS = 8, 5
CASE = CASES["cartpole normalised"]


def remove_run(run: Path) -> None:
    """Somebody cleans up."""
    shutil.rmtree(run, ignore_errors=True)


def remove_all(run: Path) -> None:
    """Somebody cleans up everything."""
    shutil.rmtree(run.parent, ignore_errors=True)


def move_run(run: Path) -> None:
    """It has another name now."""
    run.rename(run.with_name("moved"))


def replace_by_file(run: Path) -> None:
    """A file stands in its place."""
    move_run(run)
    run.write_text("mine")


def replace_by_link(run: Path) -> None:
    """A link to a folder that is not ours stands in its place."""
    move_run(run)
    elsewhere = run.parent.parent / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    run.symlink_to(elsewhere)


def remove_checkpoints(run: Path) -> None:
    """Only what it would go on from is gone."""
    shutil.rmtree(run / "checkpoints", ignore_errors=True)


def link_checkpoints(run: Path) -> None:
    """Checkpoints would go somewhere else."""
    elsewhere = run.parent.parent / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    shutil.rmtree(run / "checkpoints", ignore_errors=True)
    (run / "checkpoints").symlink_to(elsewhere)


def replace_by_run(run: Path) -> None:
    """It was moved, and another run has its name now."""
    move_run(run)
    run.mkdir()


CHANGES: tuple[Callable[[Path], None], ...] = (
    remove_run, remove_all, move_run, replace_by_file, replace_by_link, remove_checkpoints, link_checkpoints,
    replace_by_run,
)  # fmt: skip


def changed_while_training(change: Callable[[Path], None], rng: random.Random, folder: Path) -> None:
    """The training ends with a documented code and a line, and nothing is written elsewhere."""
    process = PpoProcess(CASE.words(folder / "runs", 600), folder.parent)
    process.wait_until(lambda: any((folder / "runs").glob("*/checkpoints/it-*")))
    time.sleep(rng.uniform(0, 0.3))
    (run,) = [path for path in (folder / "runs").iterdir() if not path.name.startswith(".")]
    assert process.alive, "it had ended before"
    change(run)
    result = process.wait()
    said = f"{change.__name__}: {result.code}: {result.stderr[-400:]}"
    assert result.code in (0, 5, 74), said
    assert "Traceback" not in result.stderr and "this is a bug" not in result.stdout + result.stderr, said
    elsewhere = folder / "elsewhere"
    assert not elsewhere.exists() or os.listdir(elsewhere) == [], f"{said}: {os.listdir(elsewhere)}"
    if change is replace_by_run:
        assert os.listdir(run) == [], f"{said}: {os.listdir(run)}"
    if change is replace_by_file:
        assert run.read_text() == "mine", said


def run(case: str, seed: int, folder: Path) -> Landed:
    """Each change, at a random moment."""
    landed = Landed()
    for change in CHANGES:
        rng, place = random.Random(f"{change.__name__} {seed}"), folder / change.__name__
        what, check = (
            f"{change.__name__} {seed}",
            functools.partial(changed_while_training, change, rng, place),
        )
        place.mkdir()
        checked(landed, what, check)
    return landed


VANISHING = Work(seed_by_seed(["folder"], NUM_UNITS), run)
