"""``kill -9`` of a sweep's workers, of the sweep, or of both: the same command ends with the same bits."""

from __future__ import annotations

import itertools
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.ppo_process import PpoProcess
from helpers.sweep_process import (
    EVERY_ALGORITHM,
    Sweep,
    assert_same_sweep,
    complete_runs,
    is_being_written,
    kill,
    sweep_of,
    undisturbed_sweep,
    wait_until_it_trains,
    workers_end,
    workers_of,
)

from ppo_cli.config.algorithms import ALGORITHMS
from ppo_cli.sweeps.folder.sweep_dir import list_sweeps

pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="workers are found in /proc")

SWEEPS = {
    "grid": Sweep(),
    "grid with an estimate": Sweep(quiet=False, iterations=80),
    "two hidden sizes": Sweep(("hidden_sizes=8,16", "learning_rate=0.001,0.003"), seeds=1),
    "normalised": Sweep(settings=("normalize_obs=true", "anneal_eps_clip=true")),
    "pruned": Sweep(("learning_rate=0.0001,0.001,0.003,0.1",), options=("--prune", "--confirm", "1")),
    "search": Sweep(
        ("learning_rate=0.0001..0.1:log",),
        seeds=1,
        options=("--search", "tpe", "--trials", "6", "--prune", "--confirm", "1"),
    ),
}
SWEEPS["all algorithms"] = Sweep((f"algorithm={','.join(ALGORITHMS)}",), iterations=60, small=EVERY_ALGORITHM)
TARGETS = ("a worker", "the sweep", "all", "the sweep of stopped workers")
# A population whose worker dies twice is cut in two; a run alone whose worker dies twice is given up.
# So many deaths are survived for sure: in a session that begins with populations of two, and in any other.
MOST_DEATHS, MOST_DEATHS_ALONE = 3, 1


class Killer:
    """Kills at random moments: most while something is trained, half of these while files are written.

    Attributes:
        landed: How many of each target were there to be killed.
        seconds: The longest that it waits for a moment. One that lands lets the next ones come later, one
            that comes too late sooner, so they follow the machine's speed.

    Args:
        rng: The moments.
        kills: When so many have landed, it is left in peace.
        targets: What to kill.
    """

    def __init__(self, rng: random.Random, kills: int, targets: Iterator[str]) -> None:
        self.rng = rng
        self.kills = kills
        self.targets = targets
        self.landed: Counter[str] = Counter()
        self.seconds = 5.0

    @property
    def is_done(self) -> bool:
        return self.landed.total() >= self.kills

    def attack(self, process: PpoProcess, runs_dir: Path, *, has_populations: bool) -> None:
        """Kill workers of a sweep, and in the end perhaps the sweep itself."""
        most = MOST_DEATHS if has_populations else MOST_DEATHS_ALONE
        began, deaths = time.time(), 0
        while not self.is_done and self.wait(process, runs_dir, began):
            target = next(self.targets)
            if target == "a worker" and (deaths >= most or (deaths and has_held_out_runs(runs_dir))):
                return
            if self.strike(target, process, runs_dir):
                self.landed[target] += 1
                deaths += 1
            if target != "a worker":
                return

    def wait(self, process: PpoProcess, runs_dir: Path, began: float) -> bool:
        """Wait for a moment; whether the process is still there."""
        if self.rng.random() < 0.2:
            time.sleep(self.rng.uniform(0, self.seconds))
        else:
            wait_until_it_trains(process, runs_dir, began)
            time.sleep(self.rng.uniform(0, self.seconds / 4))
            if self.rng.random() < 0.5:
                process.wait_until(lambda: is_being_written(runs_dir), poll=0)
        self.seconds *= 1.1 if process.alive else 0.7
        return process.alive

    def strike(self, target: str, process: PpoProcess, runs_dir: Path) -> bool:
        """Kill a target; whether it was there."""
        workers = workers_of(runs_dir)
        if target == "a worker":
            return bool(workers) and kill(self.rng.choice(workers))
        if target == "the sweep of stopped workers":
            for worker in workers:
                kill(worker, signal.SIGSTOP)
        landed = kill(process.pid)
        for worker in workers if target == "all" else ():
            kill(worker)
        return landed


def has_held_out_runs(runs_dir: Path) -> bool:
    return any(sweep.held_out.path.exists() for sweep in list_sweeps(runs_dir))


def kill_and_start_again(sweep: Sweep, folder: Path, killer: Killer) -> Path:
    """Run a sweep by one command, as often as it is killed; its runs directory."""
    folder.mkdir()
    runs_dir = folder / "runs"
    done: dict[str, Any] = {}
    for number in itertools.count():
        process = PpoProcess(sweep.words(runs_dir), folder)
        killer.attack(process, runs_dir, has_populations=number == 0 and sweep.seeds > 1)
        result = process.wait()
        assert result.was_killed or result.code == 0, result.stderr
        assert workers_end(runs_dir), "it left workers behind"
        now = complete_runs(sweep_of(runs_dir)) if list_sweeps(runs_dir) else {}
        for name, files in done.items():
            assert now.get(name) == files, f"{name} was complete and is not as it was"
        done = now
        if not result.was_killed:
            return runs_dir
    raise AssertionError


def torture(
    sweep: Sweep, tmp_path: Path, *, kills: int, rng: random.Random, targets: Iterator[str]
) -> Counter[str]:
    """Kill a sweep ``kills`` times in all; each time that it ends, it must equal the undisturbed one."""
    expected = undisturbed_sweep(sweep, tmp_path / "undisturbed")
    killer = Killer(rng, kills, targets)
    for attempt in itertools.count():
        runs_dir = kill_and_start_again(sweep, tmp_path / f"attempt-{attempt}", killer)
        assert_same_sweep(sweep_of(runs_dir), expected)
        if killer.is_done:
            return killer.landed
    raise AssertionError


def test_a_killed_sweep_of_all_algorithms_ends_with_the_bits_of_the_undisturbed_one(tmp_path: Path) -> None:
    targets = itertools.cycle(TARGETS)
    torture(SWEEPS["all algorithms"], tmp_path, kills=3, rng=random.Random(2), targets=targets)


@pytest.mark.torture
@pytest.mark.parametrize("name", SWEEPS)
def test_two_hundred_kills_of_sweeps_lose_nothing(name: str, tmp_path: Path) -> None:
    rng, landed = random.Random(11), Counter[str]()
    while set(landed) != set(TARGETS):  # some may never have been there
        folder = tmp_path / f"{landed.total()} kills"
        folder.mkdir()
        targets = (rng.choice(("a worker", *TARGETS)) for _ in itertools.count())
        landed += torture(SWEEPS[name], folder, kills=34, rng=rng, targets=targets)
