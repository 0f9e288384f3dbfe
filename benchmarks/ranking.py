"""Which algorithm of the family is best, and where? One sweep of them per environment, five seeds each.

Every algorithm is trained with the settings shipped for it; the final evaluations are judged by ``ppo
compare``, whose words are kept. ``make ranking`` measures all environments, draws the plot and writes
the tables into ``docs/``.

Steps are those that a run was charged for. Played are those of its finished episodes: algorithms that learn
from whole episodes leave an environment waiting once its episode is over, until the rollout ends.
"""

from __future__ import annotations

import csv
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from common import (
    PICTURES,
    Entry,
    Results,
    arguments,
    log,
    machine,
    number,
    picture,
    report,
    run_json,
    step,
    table,
)
from solved import OWN_MARKS

ENVS = ("CartPole-v1", "LunarLander-v3", "Pendulum-v1")
SEEDS = 5
PLOT = PICTURES / "ranking.png"
QUICK = ("--total-timesteps", 6_000, "--seeds", 2, "--set", "final_eval_episodes=2")


def commands(env_id: str) -> list[str]:
    """The words after ``ppo`` of both commands: train, then compare."""
    return [
        f"sweep --env {env_id} --param algorithm --seeds {SEEDS} --confirm 0",
        f"compare {env_id}-algorithm",
    ]


def measure(env_id: str, runs_dir: Path, *, quick: bool) -> Entry:
    """Train all algorithms in one environment and compare them; an entry of the results file."""
    sweep, compare = (command.split() for command in commands(env_id))
    begun_before = (runs_dir / compare[-1]).exists()
    more = (*(QUICK if quick else ()), "--quiet", "--json", "--runs-dir", runs_dir)
    seconds, _ = run_json("-m", "ppo_cli", *sweep, *more)
    _, document = run_json("-m", "ppo_cli", *compare, "--json", "--runs-dir", runs_dir)
    mark = OWN_MARKS.get(env_id) if document["threshold"] is None else document["threshold"]
    algorithms = {group["runs"][0]["algorithm"]: _algorithm(group, mark) for group in document["groups"]}
    return {
        "env_id": env_id,
        "mark": mark,
        "mark_from": "other projects" if document["threshold"] is None else "registry",
        "seconds": None if begun_before else seconds,  # of what was there before nobody knows
        "verdict": document["verdict"],
        "warnings": document["warnings"],
        "algorithms": algorithms,
    }


def _algorithm(group: Mapping[str, Any], mark: float) -> dict[str, Any]:
    """What the results file keeps of one algorithm."""
    folders = [Path(run["run_dir"]) for run in group["runs"]]
    curves = [_evaluations(folder) for folder in folders]
    return {
        **{name: group[name] for name in ("mean", "ci95", "iqm")},
        "returns": group["values"],
        "seeds": len(folders),
        "seeds_that_meet": sum(value >= mark for value in group["values"]),
        "steps": max(run["global_step"] for run in group["runs"]),
        "played": fmean(_steps_of_episodes(folder) for folder in folders),
        # Seeds are evaluated after the same steps; one that diverged has fewer evaluations.
        "curve": {
            "steps": [steps for steps, _ in max(curves, key=len)],
            "returns": [[value for _, value in curve] for curve in curves],
        },
    }


def _evaluations(folder: Path) -> list[tuple[int, float]]:
    """Steps and mean return of the evaluations during a run."""
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
        return [
            (int(row["global_step"]), float(row["eval/episode_return"]))
            for row in csv.DictReader(file)
            if row["eval/episode_return"]
        ]


def _steps_of_episodes(folder: Path) -> int:
    """Environment steps of a run's finished episodes."""
    with (folder / "monitor.csv").open(encoding="utf-8", newline="") as file:
        next(file)  # a line of JSON
        return sum(int(row["l"]) for row in csv.DictReader(file))


# ---------------------------------------------------------------------- shown


def text(entries: Mapping[str, Entry]) -> str:
    """The ranking: plot, then words, table and commands of every environment."""
    shown = [_section(entries[env_id]) for env_id in ENVS if env_id in entries]
    plot = picture(PLOT.name, "Learning curves of the algorithms, and the final return of every seed")
    return "\n\n".join([plot, *shown]) if shown else ""


def _section(entry: Entry) -> str:
    algorithms = entry["algorithms"]
    ranked = sorted(algorithms, key=lambda name: _or_worst(algorithms[name]["mean"]), reverse=True)
    mark = number(entry["mark"]) + ("" if entry["mark_from"] == "registry" else " (other projects' mark)")
    runs = f"{sum(found['seeds'] for found in algorithms.values())} runs"
    took = runs if entry["seconds"] is None else f"{runs} in {number(entry['seconds'])} s"
    header = (
        "Algorithm, best mean first", "Mean return", "95 % interval", "IQM", "Each seed", "Seeds that meet",
        "Steps", "Played",
    )  # fmt: skip
    parts = [
        f"**{entry['env_id']}**: {mark} is to be met; {took}.",
        f"> {entry['verdict']}",
        table(header, [_row(name, algorithms[name]) for name in ranked]),
        "\n".join(f"    ppo {command}" for command in commands(entry["env_id"])),
    ]
    return "\n\n".join(parts)


def _row(name: str, found: Mapping[str, Any]) -> list[str]:
    bounds = found["ci95"] or (None, None)
    failed = found["seeds"] - len(found["returns"])
    return [
        f"`{name}`",
        number(found["mean"], 1) + (f" ({failed} failed)" if failed else ""),
        "–" if None in bounds else " to ".join(number(bound, 1) for bound in bounds),
        number(found["iqm"], 1),
        ", ".join(number(value, 1) for value in found["returns"]),
        f"{found['seeds_that_meet']} of {found['seeds']}",
        number(found["steps"]),
        number(found["played"]),
    ]


def _or_worst(mean: float | None) -> float:
    return -math.inf if mean is None else mean


def draw(entries: Mapping[str, Entry], path: Path) -> None:
    """One column per environment: learning curves, and below them the final return of every seed."""
    from ppo_cli.config.algorithms import ALGORITHMS
    from ppo_cli.report.plotting.curves import PALETTE
    from ppo_cli.report.plotting.figure import add_legend, figure_style, new_figure

    shown = [entries[env_id] for env_id in ENVS if env_id in entries]
    colours = dict(zip(ALGORITHMS, PALETTE, strict=False))
    with figure_style():
        figure, panels = new_figure(2, len(shown), 5.2, widths=[1] * len(shown))
        figure.axes[0].get_subplotspec().get_gridspec().set_height_ratios((2, 1))
        upper, lower = panels[: len(shown)], panels[len(shown) :]
        for entry, above, below in zip(shown, upper, lower, strict=True):
            _draw_curves(above, entry, list(colours))
            _draw_seeds(below, entry, colours)
        upper[0].set_ylabel("evaluation return")
        for below in lower[1:]:
            below.tick_params(labelleft=False)
        seeds = max(found["seeds"] for entry in shown for found in entry["algorithms"].values())
        figure.suptitle(
            f"Every algorithm as shipped: mean of {seeds} seeds, band: its 95 % interval",
            x=0.012, ha="left", fontsize=11, fontweight="bold",
        )  # fmt: skip
        add_legend(figure, upper)
        figure.savefig(path, metadata={"Software": None})
    log(f"drawn: {path}")


def _draw_curves(axes: Any, entry: Entry, names: Sequence[str]) -> None:
    """Mean and band of every algorithm's evaluations, in the order of the names: that gives the colours."""
    import numpy as np

    from ppo_cli.report.plotting.curves import draw_curves, step_unit

    curves = {}
    for name in names:
        curve = entry["algorithms"][name]["curve"]
        steps = np.array(curve["steps"], dtype=float)
        curves[name] = [(steps[: len(values)], np.array(values)) for values in curve["returns"]]
    draw_curves(axes, curves, ylabel="", threshold=entry["mark"])
    _, unit = step_unit(max(steps[-1] for seeds in curves.values() for steps, _ in seeds if steps.size))
    axes.set_xlabel(f"steps ({unit})" if unit else "steps")
    axes.set_title(entry["env_id"], loc="left", fontsize=10, fontweight="bold")
    for line in axes.lines:
        if line.get_label().startswith("solved"):
            line.set_label("the mark")  # another number in every panel


def _draw_seeds(axes: Any, entry: Entry, colours: Mapping[str, str]) -> None:
    """A row per algorithm: a dot per seed, one above the other, and a bar at their mean."""
    from ppo_cli.report.plotting.marks import MARK

    for row, (name, colour) in enumerate(colours.items()):
        found = entry["algorithms"][name]
        values = found["returns"]
        places = [row + 0.5 * ((seed + 0.5) / len(values) - 0.5) for seed in range(len(values))]
        axes.plot(values, places, "o", color=colour, markersize=3.5, markeredgewidth=0, clip_on=False)
        if found["mean"] is not None:
            axes.plot([found["mean"]] * 2, [row - 0.36, row + 0.36], color=colour, linewidth=1.9, alpha=0.6)
    axes.axvline(entry["mark"], color=MARK, linewidth=1, linestyle="--", zorder=1)
    axes.set_ylim(len(colours) - 0.5, -0.5)
    axes.set_yticks(range(len(colours)), list(colours))
    for label, colour in zip(axes.get_yticklabels(), colours.values(), strict=True):
        label.set_color(colour)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.08)
    axes.set_xlabel("final return of each seed")


def main() -> None:
    """Measure what the options ask for, draw and print the table of all entries."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--env", choices=ENVS, action="append", help="which; default: all")
    parser.add_argument("--runs-dir", type=Path, help="keep the runs there, and go on with what is there")
    args = parser.parse_args()
    results = Results("ranking", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        for env_id in args.env or ENVS:
            with tempfile.TemporaryDirectory(prefix="ppo-benchmark-") as scratch, step(env_id):
                entry = measure(env_id, (args.runs_dir or Path(scratch)).resolve(), quick=args.quick)
            results.add(env_id, entry)
        draw(results.entries, results.path.with_suffix(".png") if args.quick else PLOT)
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
