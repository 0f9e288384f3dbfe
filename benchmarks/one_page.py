"""Does PPO on one page solve CartPole, and in which time?

``docs/ppo_in_one_page.py`` is run as it stands, once for each of five seeds, with one thread: a process from
its start to its end, imports and evaluations included. Its last policy plays 20 fresh episodes and takes the
most likely action in each step. (The settings were chosen with other seeds, 101 to 110; all reached 500.)
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from common import REPOSITORY, Entry, Results, arguments, machine, number, report, run_python, step, table

PAGE = REPOSITORY / "docs" / "ppo_in_one_page.py"
SEEDS = 5
LAST = re.compile(r"mean return of (\d+) fresh episodes ([\d.]+), the worst ([\d.]+)$")


def measure(seed: int) -> dict[str, Any]:
    """Run the page with a seed: what it says at its end, and its times."""
    before = os.times()
    wall_time, output = run_python(PAGE, seed)
    after = os.times()
    found = LAST.search(output.strip())
    if found is None:
        raise SystemExit(f"the page ended with other words than expected:\n{output[-500:]}")
    return {
        "seed": seed,
        "episodes": int(found[1]),
        "mean": float(found[2]),
        "worst": float(found[3]),
        "wall_time": wall_time,
        "core_seconds": after.children_user
        + after.children_system
        - before.children_user
        - before.children_system,
    }


def text(entries: Mapping[str, Entry]) -> str:
    """The runs as a Markdown table."""
    rows = [
        [
            number(run["seed"]),
            number(run["mean"], 1),
            number(run["worst"]),
            f"{number(run['core_seconds'], 1)} s",
            f"{number(run['wall_time'], 1)} s",
        ]
        for run in entries["CartPole-v1"]["runs"]
    ]
    header = (
        "Seed",
        "Mean return of 20 fresh episodes",
        "The worst of them",
        "Time of one core",
        "Time on the clock",
    )
    return table(header, rows)


def main() -> None:
    """Run the page with every seed and print the table."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    args = parser.parse_args()
    results = Results("one_page", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        runs = []
        for seed in range(1, 2 if args.quick else SEEDS + 1):
            with step(f"seed {seed}"):
                runs.append(measure(seed))
        results.add("CartPole-v1", {"runs": runs})
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
