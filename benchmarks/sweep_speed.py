"""How long does a sweep of 32 runs take?

``ppo``: a whole ``ppo sweep`` of four clip ranges and eight seeds, from the cold start of the process to the
table and the plots, with run folders, checkpoints and a final evaluation of 10 episodes of every run.

Stable-Baselines3: the same 32 runs with the same hyperparameters in two parallel processes, one torch thread
each, no render mode, nothing written and nothing evaluated. Training them all would take up to an hour, so a
sample is timed (one run in each of the two processes, at the same time, imports not counted) and multiplied
up; the number of steps of the sample stands in the table. On LunarLander it is two whole runs, because the
steps of a lander that hovers and stands cost more than those of one that crashes.

How much a population gains depends on the hyperparameters: small minibatches and few environments are mostly
overhead, which its members share; large minibatches and many epochs are arithmetic, which they cannot share.
So CartPole is measured with three sets: Stable-Baselines3's defaults, CleanRL's, and RL Zoo's tuned ones (ppo
ships these), LunarLander with Stable-Baselines3's defaults, RL Zoo's, and those that ppo ships.

The programs take turns, and ratios are taken within a round.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
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
EVALUATION = ("num_evals=0", "final_eval_episodes=10")


@dataclass(frozen=True)
class Task:
    """A sweep to time.

    Attributes:
        env_id: The environment.
        hyperparameters: Which ones, for the table.
        settings: What differs from the shipped settings of ppo.
        steps: Steps of each run.
        sample: Steps of each run of the peer that are timed.
    """

    env_id: str
    hyperparameters: str
    settings: tuple[str, ...]
    steps: int
    sample: int


VALUES, SEEDS = 4, 8
RUNS = VALUES * SEEDS
CLEANRL = (
    "num_envs=4", "num_steps=128", "num_epochs=4", "num_minibatches=4", "activation=tanh", "gamma=0.99",
    "gae_lambda=0.95", "learning_rate=2.5e-4", "ent_coef=0.01", "anneal_eps_clip=false",
)  # fmt: skip
SB3_DEFAULTS = (
    "num_envs=1", "num_steps=2048", "num_epochs=10", "num_minibatches=32", "activation=tanh", "gamma=0.99",
    "gae_lambda=0.95", "learning_rate=3e-4", "anneal_lr=false", "anneal_eps_clip=false",
)  # fmt: skip
ZOO_LUNARLANDER = (
    "num_envs=16", "num_steps=1024", "num_epochs=4", "num_minibatches=256", "activation=tanh",
    "learning_rate=3e-4", "anneal_lr=false",
)  # fmt: skip
TASKS = {
    "cartpole-defaults": Task("CartPole-v1", "Stable-Baselines3's defaults", SB3_DEFAULTS, 100_000, 30_000),
    "cartpole-cleanrl": Task("CartPole-v1", "CleanRL's", CLEANRL, 100_000, 50_000),
    "cartpole-tuned": Task("CartPole-v1", "RL Zoo's, as ppo ships them", (), 100_000, 50_000),
    "lunarlander-defaults": Task(
        "LunarLander-v3", "Stable-Baselines3's defaults", SB3_DEFAULTS, 500_000, 500_000
    ),
    "lunarlander-zoo": Task("LunarLander-v3", "RL Zoo's", ZOO_LUNARLANDER, 500_000, 500_000),
    "lunarlander-ppo": Task("LunarLander-v3", "as ppo ships them", (), 500_000, 500_000),
}


def measure(task: Task, rounds: int, *, ppo_seconds: list[float] | None = None) -> Entry:
    """Time both ``rounds`` times in turn; an entry of the results file.

    Args:
        task: What to time.
        rounds: How often.
        ppo_seconds: Times of the same sweep that were measured a moment ago.
    """
    measured = []
    for index in range(rounds):
        label = f"{task.env_id}, {task.hyperparameters}, round {index + 1} of {rounds}"
        with step(f"{label}, ppo sweep"):
            ours = ppo_seconds[index] if ppo_seconds else sweep_seconds(task)
        with step(f"{label}, Stable-Baselines3"):
            measured.append({"ppo": ours, "sb3": sb3_seconds(task)})
    return {
        "env_id": task.env_id,
        "hyperparameters": task.hyperparameters,
        "settings": list(task.settings),
        "runs": RUNS,
        "steps": task.steps,
        "sample_steps": PROCESSES * task.sample,
        "rounds": measured,
        "seconds": {name: median_and_range([one[name] for one in measured]) for name in ("ppo", "sb3")},
        "ratio": median_and_range([one["sb3"] / one["ppo"] for one in measured]),
    }


def sweep_seconds(task: Task) -> float:
    """Seconds of a whole ``ppo sweep``, from the start of its process to its end."""
    sets = [word for setting in (*task.settings, *EVALUATION) for word in ("--set", setting)]
    with tempfile.TemporaryDirectory(prefix="ppo-benchmark-") as runs_dir:
        seconds, document = run_json(
            "-m", "ppo_cli", "sweep", "--env", task.env_id, "--param", "eps_clip=0.1,0.2,0.3,0.4",
            "--seeds", SEEDS, "--total-timesteps", task.steps, *sets, "--confirm", 0,
            "--runs-dir", runs_dir, "--quiet", "--json",
        )  # fmt: skip
    assert document["status"] == "completed" and len(document["runs"]) == RUNS
    return seconds


def sb3_seconds(task: Task) -> float:
    """Seconds that all runs would take in parallel processes, from a sample in as many."""
    with ThreadPoolExecutor(PROCESSES) as pool:
        samples = list(pool.map(lambda seed: _sample(task, seed), range(1, PROCESSES + 1)))
    steps_per_second = sum(sample["steps"] / sample["seconds"] for sample in samples)
    return RUNS * task.steps / steps_per_second


def _sample(task: Task, seed: int) -> dict[str, Any]:
    sets = [word for setting in task.settings for word in ("--set", setting)]
    words = [SB3, task.env_id, "--seed", seed, "--steps", task.sample, "--settings", "ppo", *sets]
    done = subprocess.run(
        [sys.executable, *map(str, words)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def text(entries: Mapping[str, Entry]) -> str:
    """The times as a Markdown table."""
    header = (
        "32 runs",
        "Steps each",
        "Hyperparameters",
        "`ppo sweep`",
        "Stable-Baselines3, 2 processes",
        "Sample",
        "Times faster",
    )
    rows = [
        [
            entry["env_id"],
            number(entry["steps"]),
            entry["hyperparameters"],
            spread(entry["seconds"]["ppo"], 0, " s"),
            spread(entry["seconds"]["sb3"], 0, " s"),
            f"{number(entry['sample_steps'])} steps",
            spread(entry["ratio"], 1),
        ]
        for entry in (entries[name] for name in TASKS if name in entries)
    ]
    return table(header, rows)


def main() -> None:
    """Measure and print the table."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each program")
    parser.add_argument("--only", choices=sorted(TASKS), action="append", help="which; default: all")
    parser.add_argument(
        "--peer-only",
        action="store_true",
        help="measure the peer anew, against our times of the last results",
    )
    args = parser.parse_args()
    results = Results("sweep_speed", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        for name in args.only or TASKS:
            task = TASKS[name]
            if args.quick:
                task = replace(task, steps=2_100, sample=2_100)
            before = [one["ppo"] for one in results.entries[name]["rounds"]] if args.peer_only else None
            rounds = len(before) if before else 1 if args.quick else args.rounds
            results.add(name, measure(task, rounds, ppo_seconds=before))
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
