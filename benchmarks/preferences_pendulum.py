"""Pendulum from comparisons: what 300 answers teach, beside what training does without any.

For each seed anew: a run of 100,000 steps plays at five ages, and an untrained agent beside it; a synthetic
teacher compares 300 pairs of clips of 25 steps by the environment's own reward; an ensemble is fitted; a
policy is trained for 300,000 steps with the tuned settings. Nothing is shared between seeds. What is
reported is the last policy on 100 fresh episodes by the environment's reward, and the accuracy of the fit
on 1,000 pairs of other episodes of the same policies, drawn uniformly, against a teacher without flaws.

Beside it, at equal steps and seeds: the environment's own reward, a constant reward, an untrained reward
model, and the same with a teacher that takes the worse clip for the better one in 10 % of the answers. The
peer's figures, about -170 tuned and -500 untuned, are those of imitation's pull request 782; they were not
measured here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from _preferences import (
    asked,
    beside_nulls,
    configs,
    fitted,
    in_processes,
    returns_table,
    test_set,
    trained,
    young_run,
)
from common import Entry, Results, arguments, machine, report

ENV = "Pendulum-v1"
PAIRS = 300
TEST_PAIRS = 1000
CLIP = "length=25"
ROWS = {
    "300 comparisons": (),
    "300 comparisons, 10 % mistakes": ("mistake=0.1",),
}


def measure(seeds: list[int], steps: int, young_steps: int, pairs: int) -> Entry:
    """All rows for some seeds; the entry of the results file."""
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        by_seed = in_processes(fits_of, [(seed, runs, young_steps, pairs) for seed in seeds])
        taught = {row: [f"set{number}-{seed}" for seed in seeds] for number, row in enumerate(ROWS)}
        models = beside_nulls(taught, len(seeds))
        rows = {row: configs(ENV, seeds, steps, named) for row, named in models.items()}
        ends = trained(rows, runs)
    return {
        "env_id": ENV,
        "steps": steps,
        "pairs": pairs,
        "seeds": seeds,
        "fits": {row: [own[row] for own in by_seed] for row in ROWS},
        "returns": {row: [one.mean for one in own] for row, own in ends.items()},
        "relabelling": {row: own[0].relabelling for row, own in ends.items()},
    }


def fits_of(seed: int, runs: Path, young_steps: int, pairs: int) -> dict[str, dict[str, Any]]:
    """A seed's sets, fitted, by row."""
    young = young_run(ENV, seed, runs, young_steps)
    test = test_set(runs, [young], seed, min(TEST_PAIRS, 4 * pairs), [CLIP])
    found = {}
    for number, (row, flaws) in enumerate(ROWS.items()):
        name = asked(runs, f"set{number}-{seed}", [young], seed, pairs, [CLIP, *flaws])
        found[row] = fitted(runs, name, seed, tests=[test])
    return found


def text(entries: Mapping[str, Entry]) -> str:
    """The table, as Markdown."""
    return returns_table(entries[ENV]["returns"], entries[ENV]["fits"]) if ENV in entries else ""


def main() -> None:
    """Measure and print the table."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 1 up")
    args = parser.parse_args()
    results = Results("preferences_pendulum", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        sizes = (2, 6144, 6144, 40) if args.quick else (args.seeds, 300_000, 100_000, PAIRS)
        results.add(ENV, measure(list(range(1, sizes[0] + 1)), *sizes[1:]))
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
