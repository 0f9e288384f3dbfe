"""T15. The same seed gives the same bits, however it is computed beside; other seeds share nothing."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from helpers.cli_runner import inside
from helpers.run_outcome import outcome
from helpers.small_runs import EXPERIMENTS, SMALL

from ppo_cli.config.algorithms import uses
from ppo_cli.rng import Stream, episode_seed, generator
from ppo_cli.runs.run_dir import list_runs
from torture.unit import Landed, Units, Work, checked

WAYS = {
    "again": (),
    "two threads": ("num_threads=2",),
    "one worker": ("env_workers=1",),
    "two workers": ("env_workers=2",),
}
SEEDS, ENVS, EPISODES = 10, 64, 100
PARTS = ("policy.safetensors", "best_policy.safetensors", "metrics.csv", "monitor.csv", "eval.csv", "events")


def trained(name: str, engine: str, seed: int, folder: Path, *more: str) -> dict[str, Any]:
    """What an experiment comes to, by the command line."""
    env, settings = EXPERIMENTS[name]
    chosen = next((word for word in settings if word.startswith("algorithm=")), "algorithm=ppo-clip")
    small = [word for word in SMALL if uses(chosen.partition("=")[2], word.partition("=")[0])]
    words = ["train", "--env", env, "--seed", str(seed), "--total-timesteps", "4000", "--quiet"]
    for setting in (*small, "num_envs=16", *settings, f"engine={engine}", *more):
        words += ["--set", setting]
    result = inside(*words, "--runs-dir", str(folder), cwd=folder.parent)
    assert result.code == 0, result.stderr[-300:]
    (run,) = list_runs(folder)
    found = outcome(run.path)
    return {name: found[name] for name in PARTS} | {k: v for k, v in found.items() if "checkpoint" in k}


def repeated(name: str, engine: str, way: str, folder: Path, expected: dict[str, Any]) -> None:
    """Computed in another way, with the same seed: the same."""
    found = trained(name, engine, 3, folder / way, *WAYS[way])
    different = [key for key in found if found[key] != expected[key]]
    assert not different, f"differs in {different}"


def streams() -> Landed:
    """Episodes and generators of ten seeds, sixty-four environments: no two alike."""
    landed = Landed(count=1)
    episodes = [
        episode_seed(seed, Stream.EPISODE, env, episode)
        for seed in range(SEEDS)
        for env in range(ENVS)
        for episode in range(EPISODES)
    ]
    draws = [
        int(generator(seed, stream, index).integers(2**62))
        for seed in range(SEEDS)
        for stream in Stream
        for index in range(200)
    ]
    for what, values in (("episodes", episodes), ("generators", draws)):
        landed.measured[what] = len(values)
        if len(set(values)) != len(values):
            landed.failures.append(f"{len(values) - len(set(values))} {what} begin like another")
    return landed


def run(case: str, seed: int, folder: Path) -> Landed:
    """One experiment, in all ways; or all streams."""
    if case == "streams":
        return streams()
    name, _, engine = case.rpartition(" by ")
    expected, landed = trained(name, engine, 3, folder / "first"), Landed()
    for way in WAYS:
        what = f"{case}, {way}"
        checked(landed, what, functools.partial(repeated, name, engine, way, folder, expected))
    other = trained(name, engine, 4, folder / "other seed")
    landed.count += 1
    if other["monitor.csv"] == expected["monitor.csv"]:
        landed.failures.append(f"{case}: seeds 3 and 4 give the same")
    return landed


def units(quick: bool) -> Units:
    """All experiments by both engines, and all streams."""
    for name in list(EXPERIMENTS)[: 1 if quick else None]:
        for engine in ("torch", "compiled"):
            yield f"{name} by {engine}", 3
    yield "streams", 0


DETERMINISM = Work(units, run)
