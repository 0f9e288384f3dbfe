"""What does pruning save, and does it cost the winner?

Three sweeps over learning rate and clip range on LunarLander, 3 seeds each point:

* ``grid``: 4 × 4 values, every run to its end;
* ``pruned grid``: the same 16 points, the worse half stopped at 1/8, 1/4 and 1/2 of the steps;
* ``pruned search``: points drawn by TPE from the ranges that the grid spans, pruned; more points than the
  grid has, for about as many steps.

Each one's winner is trained again on held-out seeds, the same number for all: that is what it is worth.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common import Entry, Results, arguments, machine, number, report, run_json, step, table

ENV_ID = "LunarLander-v3"
STEPS, SEEDS, HELD_OUT = 200_000, 3, 10
GRID = ("--param", "learning_rate=3e-4,1e-3,3e-3,1e-2", "--param", "eps_clip")
RANGES = ("--param", "learning_rate=3e-4..1e-2:log", "--param", "eps_clip=0.1..0.4")


@dataclass(frozen=True)
class Sweep:
    """A sweep to run.

    Attributes:
        label: Its name in the table.
        words: Options of ``ppo sweep``.
    """

    label: str
    words: tuple[object, ...]


SWEEPS = {
    "grid": Sweep("full grid, 16 points", GRID),
    "pruned grid": Sweep("the same grid with --prune", (*GRID, "--prune")),
    "pruned search": Sweep(
        "--search tpe --trials 40 --prune", (*RANGES, "--search", "tpe", "--trials", 40, "--prune")
    ),
}


def measure(sweep: Sweep, *, quick: bool) -> Entry:
    """Run a sweep from a cold start; an entry of the results file."""
    size = ("--total-timesteps", 20_000, "--seeds", 1, "--confirm", 2) if quick else ()
    size = size or ("--total-timesteps", STEPS, "--seeds", SEEDS, "--confirm", HELD_OUT)
    with tempfile.TemporaryDirectory(prefix="ppo-benchmark-") as runs_dir:
        seconds, document = run_json(
            "-m", "ppo_cli", "sweep", "--env", ENV_ID, *sweep.words, *size, "--set", "num_evals=8",
            "--runs-dir", runs_dir, "--quiet", "--json",
        )  # fmt: skip
    points = document["points"]
    return {
        "seconds": seconds,
        "points": len(points),
        "pruned": sum(point["pruned"] > 0 for point in points),
        "steps": document["steps"],
        "best": document["best"],
        "all": [{name: point[name] for name in ("label", "mean", "n_seeds", "pruned")} for point in points],
    }


def text(entries: Mapping[str, Entry]) -> str:
    """The sweeps as a Markdown table."""
    header = (
        "Sweep",
        "Points",
        "Stopped early",
        "Steps",
        "Of the grid's",
        "Time",
        "Winner",
        "It claims",
        "It repeats on held-out seeds",
    )
    whole = entries["grid"]["steps"]["done"] if "grid" in entries else None
    rows = [
        [
            sweep.label,
            number(entries[name]["points"]),
            number(entries[name]["pruned"]),
            number(entries[name]["steps"]["done"]),
            f"{100 * entries[name]['steps']['done'] / whole:.0f} %" if whole else "–",
            f"{number(entries[name]['seconds'])} s",
            f"`{entries[name]['best']['label']}`",
            _mean(entries[name]["best"]),
            _mean(entries[name]["best"]["held_out"]),
        ]
        for name, sweep in SWEEPS.items()
        if name in entries
    ]
    return table(header, rows)


def _mean(numbers: Mapping[str, Any]) -> str:
    low, high = numbers["ci95"]
    return f"{number(numbers['mean'])} [{number(low)}, {number(high)}], {numbers['n_seeds']} seeds"


def main() -> None:
    """Run the sweeps and print the table."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", choices=sorted(SWEEPS), action="append", help="which; default: all")
    args = parser.parse_args()
    results = Results("pruning", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        for name in args.only or SWEEPS:
            with step(SWEEPS[name].label):
                entry = measure(SWEEPS[name], quick=args.quick)
            results.add(name, entry)
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
