"""LunarLander from comparisons, held to an early reference: what answers add, and what a model alone does.

For each seed anew: a run of 250,000 steps by the environment's own reward gives the reference, its last
policy, and plays at five ages, beside an untrained agent. A teacher compares 400 pairs of clips of 100
steps by the environment's own reward; then, twice, 300 more after a fit and a training of 200,000 steps
held to the reference, whose policy plays too. An ensemble is fitted to all 1,000, and a policy is trained
for 1 M steps from nothing, its reward less `reference_coef` log(policy / reference). Reported is the last
policy on 100 fresh episodes by the environment's reward.

Nulls, at equal steps, seeds and references: a constant reward and an untrained reward model, held just as
firmly; the reference alone; and, no null, the environment's own reward.

Reward hacking is shown at equal fits, those of the first 400 answers: 500,000 steps with the reference, and
without.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from _preferences import (
    NULLS,
    OWN,
    REFERENCE,
    configs,
    fitted,
    in_processes,
    in_rounds,
    logged,
    returns_table,
    test_set,
    trained,
    young_run,
)
from common import PICTURES, Entry, Results, arguments, log, machine, number, picture, report

ENV = "LunarLander-v3"
PLOT = PICTURES / "preferences_hacking.png"
TOTALS = (400, 700, 1000)  # comparisons after each round
TEST_PAIRS = 300
COEF = 0.1
TAUGHT = "1,000 comparisons, held"
HELD, FREE = "held to the reference", "not held"


def measure(seeds: Sequence[int], steps: int, young_steps: int, totals: Sequence[int]) -> Entry:
    """All rows for some seeds; the entry of the results file."""
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        made = in_processes(fits_of, [(seed, runs, young_steps, totals, steps // 5) for seed in seeds])
        rows = dict(_rows(seeds, steps, runs))
        ends = trained(rows, runs)
        returns = {
            row: [ends[f"{row} {seed}"][0].mean for seed in seeds] for row in (TAUGHT, *map(_held, NULLS))
        }
        returns |= {REFERENCE: [own["reference"] for own in made], OWN: [one.mean for one in ends[OWN]]}
        curves = {
            row: [_curve(ends[f"first fit {row} {seed}"][0].run) for seed in seeds] for row in (HELD, FREE)
        }
    return {
        "env_id": ENV, "steps": steps, "pairs": totals[-1], "seeds": seeds, "reference_coef": COEF,
        "fits": {TAUGHT: [own["last"] for own in made]},
        "returns": returns, "curves": curves,
    }  # fmt: skip


def fits_of(seed: int, runs: Path, young_steps: int, totals: Sequence[int], steps: int) -> dict[str, Any]:
    """A seed's reference and set, fitted to the first answers and to all."""
    from ppo_cli.runs.reading import read_summary
    from ppo_cli.runs.run_dir import RunDir

    young = young_run(ENV, seed, runs, young_steps, final_eval_episodes=100)
    name, between = in_rounds(
        ENV, seed, runs, [young], totals, steps, (), reference=young, reference_coef=COEF
    )
    test = test_set(runs, [young, *between], seed, min(TEST_PAIRS, totals[-1]), ())
    last = fitted(runs, name, seed, tests=[test])
    summary = read_summary(RunDir(runs / young))
    assert summary is not None
    return {"last": last, "reference": summary["eval"]["mean"]}


def _rows(seeds: Sequence[int], steps: int, runs: Path) -> Any:
    """The trainings by row: a reference of its own for each seed, so a program of its own."""
    for seed in seeds:
        near = {"reference": f"young{seed}", "reference_coef": COEF}
        for row, model in ((TAUGHT, f"set{seed}"), *((_held(name), name) for name in NULLS)):
            yield f"{row} {seed}", configs(ENV, [seed], steps, [model], **near)
        first = str(runs / f"set{seed}" / "fits" / "0001")
        for row, coef in ((HELD, COEF), (FREE, 0.0)):
            given = near | {"reference_coef": coef}
            yield f"first fit {row} {seed}", configs(ENV, [seed], steps // 2, [first], **given)
    yield OWN, configs(ENV, seeds, steps, [None] * len(seeds))


def _held(null: str) -> str:
    return f"{null}, held"


def _curve(run: Path) -> list[list[float]]:
    """Steps, learned and true return over a training, some 60 points of it."""
    rows = logged(run, "global_step", "rollout/learned_return", "rollout/episode_return")
    return rows[:: max(len(rows) // 60, 1)]


def text(entries: Mapping[str, Entry]) -> str:
    """The table, the plot of reward hacking and what it shows."""
    if ENV not in entries:
        return ""
    entry = entries[ENV]
    plot = picture(PLOT.name, "Learned and true return over training, with and without the reference")
    return "\n\n".join([returns_table(entry["returns"], entry["fits"]), plot, _hacking(entry)])


def _hacking(entry: Entry) -> str:
    """What becomes of both returns between the first and the last tenth of the training, in a sentence."""
    parts = []
    for row, curves in entry["curves"].items():
        ends = []
        for column in (1, 2):
            parts_of = [[point[column] for point in curve] for curve in curves]
            tenths = [max(len(values) // 10, 1) for values in parts_of]
            first = [sum(own[:n]) / n for own, n in zip(parts_of, tenths, strict=True)]
            last = [sum(own[-n:]) / n for own, n in zip(parts_of, tenths, strict=True)]
            ends.append(f"{number(sum(first) / len(first))} to {number(sum(last) / len(last))}")
        parts.append(f"{row}, the learned return goes from {ends[0]} and the true one from {ends[1]}")
    return f"Over the training by the first fits, means of {len(entry['seeds'])} seeds: {'; '.join(parts)}."


def draw(entries: Mapping[str, Entry], path: Path) -> None:
    """Learned return on the left, true return on the right; a line with the reference, and one without."""
    import numpy as np

    from ppo_cli.report.plotting.curves import draw_curves
    from ppo_cli.report.plotting.figure import figure_style, new_figure

    curves = entries[ENV]["curves"]
    with figure_style():
        figure, panels = new_figure(1, 2, 3.2, widths=[1, 1])
        for axes, column, label in zip(panels, (1, 2), ("learned return", "true return"), strict=True):
            seeds = {row: [np.array(curve, dtype=float)[:, [0, column]].T for curve in own]
                     for row, own in curves.items()}  # fmt: skip
            draw_curves(
                axes,
                {row: [tuple(one) for one in own] for row, own in seeds.items()},
                ylabel=label,
                threshold=None,
            )
            axes.legend(frameon=False)
        figure.savefig(path, metadata={"Software": None})
    log(f"drawn: {path}")


def main() -> None:
    """Measure, draw and print the table."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    args = parser.parse_args()
    results = Results("preferences_lander", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        quick, full = (8192, 8192, (8, 16)), (1_000_000, 250_000, TOTALS)
        seeds = [1, 2] if args.quick else [1, 2, 3, 4, 5]
        results.add(ENV, measure(seeds, *(quick if args.quick else full)))
    if results.entries:
        draw(results.entries, results.path.with_suffix(".png") if args.quick else PLOT)
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
