"""Pendulum from teachers with flaws: what each flaw of B-Pref (Lee et al. 2021) costs a policy.

For each seed anew: a young run and an untrained agent play, a teacher compares 300 pairs of clips of 25
steps, an ensemble is fitted with its usual settings, a policy is trained for 300,000 steps. Each row has
another teacher for the same pairs. *Gain kept* is the mean return between the best null, 0 %, and the
teacher without flaws, 100 %. Pairs foretold are those of the same 400 pairs of other episodes for all rows,
judged without flaws.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from _preferences import (
    NULLS,
    asked_alike,
    beside_nulls,
    configs,
    fitted,
    in_processes,
    interval,
    mean_of,
    percent,
    test_set,
    trained,
    young_run,
)
from common import Entry, Results, arguments, machine, number, report, table

ENV = "Pendulum-v1"
PAIRS, TEST_PAIRS = 300, 400
CLIP = "length=25"
NO_FLAWS = "without flaws"
TEACHERS: dict[str, tuple[str, ...]] = {
    NO_FLAWS: (),
    "errs in 10 % of answers (`mistake=0.1`)": ("mistake=0.1",),
    "errs in 20 % (`mistake=0.2`)": ("mistake=0.2",),
    "unsure where returns are near (`rationality=1`)": ("rationality=1",),
    "cannot tell bad clips apart (`skip=0.1`)": ("skip=0.1",),
    "calls near returns equal (`equal=0.1`)": ("equal=0.1",),
    "looks at the end of a clip (`discount=0.9`)": ("discount=0.9",),
    "all of these at once": ("mistake=0.1", "rationality=1", "skip=0.1", "equal=0.1", "discount=0.9"),
}
"""Rows and the settings of their teachers."""


def measure(seeds: Sequence[int], steps: int, young_steps: int, pairs: int) -> Entry:
    """All rows for some seeds; the entry of the results file."""
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        by_seed = in_processes(fits_of, [(seed, runs, young_steps, pairs) for seed in seeds])
        taught = {row: [f"set{number}-{seed}" for seed in seeds] for number, row in enumerate(TEACHERS)}
        models = beside_nulls(taught, len(seeds))
        names = {f"row{place}": row for place, row in enumerate(models)}
        rows = {name: configs(ENV, seeds, steps, models[row]) for name, row in names.items()}
        ends = trained(rows, runs)
    returns = {row: [one.mean for one in ends[name]] for name, row in names.items()}
    fits = {row: [own[row] for own in by_seed] for row in TEACHERS}
    return {
        "env_id": ENV, "steps": steps, "pairs": pairs, "seeds": seeds, "fits": fits, "returns": returns,
    }  # fmt: skip


def fits_of(seed: int, runs: Path, young_steps: int, pairs: int) -> dict[str, dict[str, Any]]:
    """A seed's sets, fitted, by row."""
    young = young_run(ENV, seed, runs, young_steps)
    test = test_set(runs, [young], seed, min(TEST_PAIRS, 4 * pairs), [CLIP])
    words = {f"set{place}-{seed}": [CLIP, *flaws] for place, flaws in enumerate(TEACHERS.values())}
    asked_alike(runs, words, [young], seed, pairs)
    return {row: fitted(runs, name, seed, tests=[test]) for row, name in zip(TEACHERS, words, strict=True)}


def text(entries: Mapping[str, Entry]) -> str:
    """The table, as Markdown."""
    if ENV not in entries:
        return ""
    returns, fits = entries[ENV]["returns"], entries[ENV]["fits"]
    means = {row: mean_of(values) for row, values in returns.items()}
    nulls = [mean for name in NULLS if (mean := means[name]) is not None]
    best, full = max(nulls, default=None), means[NO_FLAWS]
    rows = []
    for row, values in returns.items():
        mean, kept = means[row], ""
        if row in TEACHERS and None not in (mean, best, full):
            kept = f"{100 * (mean - best) / (full - best):.0f} %"
        accuracy = percent([fit["accuracy"] for fit in fits.get(row, [])])
        worst = None if mean is None else min(values)
        rows.append((row, number(mean), interval(values), number(worst), kept, accuracy))
    header = (
        "Teacher, or null",
        "Mean return",
        "95 % interval over seeds",
        "Worst seed",
        "Gain kept",
        "Pairs foretold",
    )
    return table(header, rows)


def main() -> None:
    """Measure and print the table."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    args = parser.parse_args()
    results = Results("preferences_teachers", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        seeds, *sizes = ([1, 2], 2048, 2048, 16) if args.quick else ([1, 2, 3, 4, 5], 300_000, 100_000, PAIRS)
        results.add(ENV, measure(seeds, *sizes))
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
