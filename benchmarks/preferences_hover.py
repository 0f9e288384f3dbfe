"""A lander that hovers: another goal than the environment's, from comparisons alone.

For each seed anew: a run of 250,000 steps by the environment's own reward plays at five ages, and an
untrained agent. A teacher that judges by `hover` (half as high as it starts, above the pad, slowly)
compares 300 pairs of clips of 100 steps; then 200 more after a fit and a training of 200,000 steps, whose
policy plays too. An ensemble is fitted to the 500 answers and a policy is trained for 500,000 steps.
*Hovering* is the goal's reward, 1 at most, summed over 100 fresh episodes of the last policy and divided by
the 1,000 steps that each may have; *at the height* is the share of these steps in which the lander is less
than 0.2 away from it.

Nulls, at equal steps and seeds: a constant reward, an untrained reward model, the environment's own reward;
and the policy that the first clips were of, here called the reference.
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

ENV = "LunarLander-v3"
SET = ("reward=hover",)
TOTALS = (300, 500)  # comparisons after each round
TAUGHT = "500 comparisons"
NEAR, MOST_STEPS = 0.2, 1000


def measure(seeds: Sequence[int], steps: int, young_steps: int, totals: Sequence[int]) -> Entry:
    """All rows for some seeds; the entry of the results file."""
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        fits = in_processes(fit_of, [(seed, runs, young_steps, totals, 2 * steps // 5) for seed in seeds])
        hovered = judged_beside_nulls(ENV, seeds, steps, TAUGHT, runs, hovers)
    return {
        "env_id": ENV, "steps": steps, "pairs": totals[-1], "seeds": seeds, "fits": fits, "hovered": hovered,
    }  # fmt: skip


def fit_of(seed: int, runs: Path, young_steps: int, totals: Sequence[int], steps: int) -> dict[str, Any]:
    """A seed's set, fitted."""
    young = young_run(ENV, seed, runs, young_steps)
    name, _ = in_rounds(ENV, seed, runs, [young], totals, steps, SET)
    return fitted(runs, name, seed)


def hovers(run: Path) -> dict[str, float]:
    """How well a run's last policy hovers."""
    import numpy as np

    from ppo_cli.preferences.goals import HOVER_AT, hover

    episodes, none = seen_by(run), np.zeros(0)
    # An end is worth nothing, and so is what little its last step would be: it is counted as any other.
    worth = [float(hover(none, none, seen, np.zeros(len(seen), dtype=bool)).sum()) for seen in episodes]
    there = [int((np.abs(seen[:, 1] - HOVER_AT) < NEAR).sum()) for seen in episodes]
    steps = MOST_STEPS * len(episodes)
    return {"hovering": sum(worth) / steps, "at_height": sum(there) / steps,
            "steps": sum(map(len, episodes)) / len(episodes)}  # fmt: skip


def text(entries: Mapping[str, Entry]) -> str:
    """The table, as Markdown."""
    if ENV not in entries:
        return ""
    rows = []
    for row, own in entries[ENV]["hovered"].items():
        hovering, height, steps = ([one[name] for one in own] for name in ("hovering", "at_height", "steps"))
        share = f"{100 * sum(height) / len(height):.0f} %"
        worst = number(min(hovering), 2)
        rows.append(
            (row, number(mean_of(hovering), 2), interval(hovering, 2), worst, share, number(mean_of(steps)))
        )
    header = ("Learned from", "Hovering", "95 % interval over seeds", "Worst seed", "At the height", "Steps")
    return table(header, rows)


def main() -> None:
    """Measure and print the table."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    args = parser.parse_args()
    results = Results("preferences_hover", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        quick, full = (8192, 8192, (8, 16)), (500_000, 250_000, TOTALS)
        seeds = [1, 2] if args.quick else [1, 2, 3, 4, 5]
        results.add(ENV, measure(seeds, *(quick if args.quick else full)))
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
