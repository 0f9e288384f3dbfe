"""CartPole at x = +1: a goal that no null reaches, from 100 comparisons.

For each seed anew: a run of 20,000 steps by the environment's own reward and two runs of 30,000 steps by
untrained reward models play, and an untrained agent; the models see to it that the cart is seen everywhere.
A teacher that judges by `hold-right` compares 40 pairs of clips of 25 steps; then, twice, 30 more after a
fit and a training of 50,000 steps, whose policy plays too. An ensemble is fitted to the 100 answers
(`weight_decay=1`, for the goal is a peak), and a policy is trained for 100,000 steps. Reported are the
steps of the last policy's 100 fresh episodes, 500 at most, and how far from +1 the cart was, a mean over
all steps, the way there included.

Nulls, at equal steps and seeds: a constant reward, an untrained reward model, the environment's own reward;
and the policy of the run that the first clips were of, here called the reference.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from _preferences import (
    fitted,
    in_processes,
    in_rounds,
    interval,
    judged_beside_nulls,
    mean_of,
    seen_by,
    young_run,
)
from common import Entry, Results, arguments, machine, number, report, table

ENV = "CartPole-v1"
TOTALS = (40, 70, 100)  # comparisons after each round
ROUND_STEPS = 50_000
SET = ("reward=hold-right", "length=25", "at_end=0.2")
FIT = ("weight_decay=1",)
WILD = 2  # runs that learn from untrained reward models
TAUGHT = "100 comparisons"
GOAL = 1.0


def measure(seeds: Sequence[int], steps: int, totals: Sequence[int]) -> Entry:
    """All rows for some seeds; the entry of the results file."""
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        fits = in_processes(fit_of, [(seed, runs, totals, min(steps, ROUND_STEPS)) for seed in seeds])
        held = judged_beside_nulls(ENV, seeds, steps, TAUGHT, runs, reached)
    return {"env_id": ENV, "steps": steps, "pairs": totals[-1], "seeds": seeds, "fits": fits, "held": held}


def fit_of(seed: int, runs: Path, totals: Sequence[int], steps: int) -> dict[str, Any]:
    """A seed's set, fitted."""
    from ppo_cli.api.train import train

    players = [young_run(ENV, seed, runs, 20_000, keep_policies=2)]
    for place in range(WILD):
        players.append(f"wild{place}-{seed}")
        train(ENV, seed=seed + 1000 * (place + 1), name=players[-1], runs_dir=runs, total_timesteps=30_000,
              reward_model="random", num_evals=0, final_eval_episodes=0)  # fmt: skip
    name, _ = in_rounds(ENV, seed, runs, players, totals, steps, SET, FIT, keep_policies=2)
    return fitted(runs, name, seed, FIT)


def reached(run: Path) -> dict[str, float]:
    """How long a run's last policy balances, and how far from the goal, over all steps of its episodes."""
    import numpy as np

    episodes = seen_by(run)
    away = np.abs(np.concatenate(episodes)[:, 0] - GOAL)
    return {"steps": len(away) / len(episodes), "away": float(away.mean())}


def text(entries: Mapping[str, Entry]) -> str:
    """The table, as Markdown."""
    if ENV not in entries:
        return ""
    rows = []
    for row, own in entries[ENV]["held"].items():
        steps, away = ([one[name] for one in own] for name in ("steps", "away"))
        cells = (number(mean_of(steps)), number(min(steps)), number(mean_of(away), 2), interval(away, 2))
        rows.append((row, *cells, number(max(away), 2)))
    header = (
        "Learned from",
        "Steps",
        "Worst seed",
        "Distance from +1",
        "95 % interval over seeds",
        "Farthest seed",
    )
    return table(header, rows)


def main() -> None:
    """Measure and print the table."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    args = parser.parse_args()
    results = Results("preferences_cartpole", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        seeds, *sizes = ([1, 2], 2048, (20, 40)) if args.quick else ([1, 2, 3, 4, 5], 100_000, TOTALS)
        results.add(ENV, measure(seeds, *sizes))
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
