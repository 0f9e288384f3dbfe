"""T1 and T10. ``kill -9`` of trainings and of sweeps, at random moments, half while files are written."""

from __future__ import annotations

import itertools
import random
import shutil
from pathlib import Path

from helpers.run_outcome import assert_same_outcome
from helpers.sweep_process import assert_same_sweep, sweep_of, undisturbed_sweep
from processes import test_kill as training
from processes import test_sweep_kill as sweeping
from processes.test_kill import Case

from ppo_cli.runs.run_dir import list_runs
from torture.unit import Landed, Work, seed_by_seed

SHORT = ("num_evals=4", "num_steps=32", "env_kwargs={max_episode_steps: 32}")
KILLED = training.CASES | {
    case.name: case
    for case in (
        Case("ppo-kl", "CartPole-v1", 100, ("algorithm=ppo-kl", "normalize_obs=true", "kl_target=0.001")),
        Case("spo", "Pendulum-v1", 80, ("algorithm=spo", "tensorboard=true", "keep_policies=4")),
        Case("kept policies", "CartPole-v1", 120, ("keep_policies=20", "tensorboard=true", "mode=log")),
    )
}
OTHERS = {  # without epochs and minibatches
    "a2c": ("CartPole-v1", 150, ("algorithm=a2c", "normalize_obs=true", "keep_policies=3")),
    "reinforce": ("CartPole-v1", 80, ("algorithm=reinforce", *SHORT, "normalize_obs=true")),
    "grpo": ("Pendulum-v1", 60, ("algorithm=grpo", "group_size=2", "kl_coef=0.1", *SHORT)),
}
KILLS, NUM_UNITS = 25, 5  # of a case
COLD = "cartpole in an interpreter of its own"
SWEEP_KILLS, NUM_SWEEP_UNITS = 12, 6


class Plain(Case):
    """An experiment whose algorithm makes one pass over what it collected."""

    def words(self, runs_dir: Path, iterations: int | None = None) -> list[str]:
        """The command line that trains it."""
        words = super().words(runs_dir, iterations)
        for name in ("num_epochs=2", "num_minibatches=2"):
            at = words.index(name)
            del words[at - 1 : at + 1]
        return words


KILLED |= {name: Plain(name, *rest) for name, rest in OTHERS.items()}


def kill_trainings(name: str, seed: int, folder: Path) -> Landed:
    """Kill trainings until enough kills have landed; each must end as the undisturbed one did."""
    case = KILLED["cartpole" if name == COLD else name]
    expected, landed = training.undisturbed(case, folder / "undisturbed"), Landed()
    killer = training.Killer(random.Random(f"{name} {seed}"), expected.seconds)
    for attempt in itertools.count():
        here = folder / f"attempt-{attempt}"
        try:
            runs_dir = training.kill_and_resume(case, here, killer, KILLS, warm=name != COLD)
            runs = list_runs(runs_dir)
            assert len(runs) == case.seeds, runs
            for run, wanted in zip(runs, expected.outcomes, strict=True):
                assert_same_outcome(run.path, wanted)
            left = [path.name for path in runs_dir.iterdir() if path.name.startswith(".")]
            assert not left, left
        except AssertionError as error:
            landed.failures.append(f"{name} {seed}, attempt {attempt}: {error}"[:600])
        shutil.rmtree(here, ignore_errors=True)
        if killer.landed >= KILLS or len(landed.failures) > 3:
            break
    landed.count = killer.landed
    landed.measured["attempts"] = attempt + 1
    return landed


def kill_sweeps(name: str, seed: int, folder: Path) -> Landed:
    """Kill workers, sweeps, or both, until enough kills have landed."""
    sweep, rng, landed = sweeping.SWEEPS[name], random.Random(f"{name} {seed}"), Landed()
    expected = undisturbed_sweep(sweep, folder / "undisturbed")
    targets = (rng.choice(("a worker", *sweeping.TARGETS)) for _ in itertools.count())
    killer = sweeping.Killer(rng, SWEEP_KILLS, targets)
    for attempt in itertools.count():
        here = folder / f"attempt-{attempt}"
        try:
            runs_dir = sweeping.kill_and_start_again(sweep, here, killer)
            assert_same_sweep(sweep_of(runs_dir), expected)
        except AssertionError as error:
            landed.failures.append(f"{name} {seed}, attempt {attempt}: {error}"[:600])
        shutil.rmtree(here, ignore_errors=True)
        if killer.is_done or len(landed.failures) > 3:
            break
    landed.count = killer.landed.total()
    landed.measured |= {"attempts": attempt + 1, **killer.landed}
    return landed


# Cases in turn: a campaign that is stopped early has seen each.
KILLED_TRAININGS = Work(seed_by_seed((*KILLED, COLD), NUM_UNITS), kill_trainings)
KILLED_SWEEPS = Work(seed_by_seed(sweeping.SWEEPS, NUM_SWEEP_UNITS), kill_sweeps)
