"""How long does a sweep of 32 runs take?

``ppo``: a whole ``ppo sweep`` of four clip ranges and eight seeds, from the cold start of the process to the
table and the plots, with run folders, checkpoints and a final evaluation of 100 episodes of every run.

Stable-Baselines3: the same 32 runs in two parallel processes, one torch thread each, no render mode, nothing
written and nothing evaluated. Training them all would take most of an hour, so a sample is timed (one run of
100,000 steps in each of the two processes, at the same time, imports not counted) and multiplied up; the
number of steps of the sample stands in the table. Once with the hyperparameters of ppo's runs, once with RL
Zoo's.

The programs take turns, and ratios are taken within a round.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import (
    REPOSITORY,
    Entry,
    Results,
    arguments,
    machine,
    median_and_range,
    number,
    report,
    run_json,
    spread,
    step,
    table,
)

SB3 = Path(__file__).with_name("_sb3.py")
PROCESSES = 2
SETTINGS = {"ppo": "the same hyperparameters", "zoo": "RL Zoo's hyperparameters"}


@dataclass(frozen=True)
class Task:
    """A sweep to time.

    Attributes:
        env_id: The environment.
        steps: Steps of each run.
        sample: Steps of each run of the peer that are timed.
        settings: What differs from the shipped settings of ppo.
        goal: The ratio aimed at.
    """

    env_id: str
    steps: int
    sample: int
    settings: tuple[str, ...]
    goal: float


VALUES, SEEDS = 4, 8
RUNS = VALUES * SEEDS
TASKS = {
    "CartPole-v1": Task("CartPole-v1", 100_000, 100_000, ("num_evals=0",), goal=12),
    "LunarLander-v3": Task("LunarLander-v3", 500_000, 100_000, ("num_evals=0",), goal=4),
}


def measure(task: Task, rounds: int) -> Entry:
    """Time the sweep and both samples ``rounds`` times in turn; an entry of the results file."""
    measured = []
    for index in range(rounds):
        label = f"{task.env_id}, round {index + 1} of {rounds}"
        with step(f"{label}, ppo sweep"):
            found: dict[str, Any] = {"ppo": sweep_seconds(task)}
        for settings in SETTINGS:
            with step(f"{label}, Stable-Baselines3, {SETTINGS[settings]}"):
                found[settings] = sb3_seconds(task, settings)
        measured.append(found)
    ratios = {name: [one[name] / one["ppo"] for one in measured] for name in SETTINGS}
    return {
        "runs": RUNS,
        "steps": task.steps,
        "sample_steps": task.sample,
        "processes_of_sb3": PROCESSES,
        "rounds": measured,
        "seconds": {name: median_and_range([one[name] for one in measured]) for name in ("ppo", *SETTINGS)},
        "ratio": {name: median_and_range(values) for name, values in ratios.items()},
        "goal": task.goal,
    }


def sweep_seconds(task: Task) -> float:
    """Seconds of a whole ``ppo sweep``, from the start of its process to its end."""
    sets = [word for setting in task.settings for word in ("--set", setting)]
    with tempfile.TemporaryDirectory(prefix="ppo-benchmark-") as runs_dir:
        seconds, document = run_json(
            "-m", "ppo_cli", "sweep", "--env", task.env_id, "--param", "eps_clip=0.1,0.2,0.3,0.4",
            "--seeds", SEEDS, "--total-timesteps", task.steps, *sets, "--confirm", 0,
            "--runs-dir", runs_dir, "--quiet", "--json",
        )  # fmt: skip
    assert document["status"] == "completed" and len(document["runs"]) == RUNS
    return seconds


def sb3_seconds(task: Task, settings: str) -> float:
    """Seconds that all runs would take in parallel processes, from a sample in as many."""
    with ThreadPoolExecutor(PROCESSES) as pool:
        samples = list(pool.map(lambda seed: _sample(task, settings, seed), range(1, PROCESSES + 1)))
    steps_per_second = sum(sample["steps"] / sample["seconds"] for sample in samples)
    return RUNS * task.steps / steps_per_second


def _sample(task: Task, settings: str, seed: int) -> dict[str, Any]:
    words = [SB3, task.env_id, "--seed", seed, "--steps", task.sample, "--settings", settings]
    done = subprocess.run(
        [sys.executable, *map(str, words)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def text(entries: Mapping[str, Entry]) -> str:
    """The times as a Markdown table."""
    header = ("32 runs", "Steps each", "ppo sweep", "Stable-Baselines3 in 2 processes", "Ratio", "With")
    rows = []
    for env_id, entry in entries.items():
        for name, words in SETTINGS.items():
            seconds, ratio = entry["seconds"], entry["ratio"][name]
            rows.append(
                [
                    env_id,
                    number(entry["steps"]),
                    spread(seconds["ppo"], 0, " s"),
                    f"{spread(seconds[name], 0, ' s')}, sample of {number(2 * entry['sample_steps'])} steps",
                    spread(ratio, 1),
                    words,
                ]
            )
    return table(header, rows)


def main() -> None:
    """Measure and print the table."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each program")
    parser.add_argument("--env", choices=sorted(TASKS), action="append", help="which sweeps; default: all")
    args = parser.parse_args()
    results = Results("sweep_speed", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        for env_id in args.env or TASKS:
            task = TASKS[env_id]
            if args.quick:
                task = Task(task.env_id, 2_000, 2_000, ("num_evals=0", "final_eval_episodes=2"), task.goal)
            results.add(env_id, measure(task, 1 if args.quick else args.rounds))
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
