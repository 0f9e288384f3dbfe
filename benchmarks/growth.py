"""How does the time grow from 1 run to 128 runs that are trained together? As a plot and a table.

One process with one thread on one core, so that nothing but the population shares the work: the settings are
those of ``throughput.py`` for CartPole, and the shipped ones with rollouts of 32 steps for LunarLander.
Measured are whole iterations after a second of warming up; the time of 100,000 steps of every run follows
from them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from common import (
    PICTURES,
    Entry,
    Results,
    arguments,
    machine,
    number,
    picture,
    report,
    run_json,
    step,
    table,
)

SPEED = Path(__file__).with_name("_speed.py")
MEMBERS = (1, 2, 4, 8, 16, 32, 64, 128)
STEPS = 100_000
ENVS = ("CartPole-v1", "LunarLander-v3")
PLOT = PICTURES / "population-growth.png"


def measure(env_id: str, rounds: int, seconds: float) -> Entry:
    """Measure every size ``rounds`` times in turn; an entry of the results file."""
    found: dict[int, list[float]] = {members: [] for members in MEMBERS}
    for index in range(rounds):
        for members in MEMBERS:
            with step(f"{env_id}, round {index + 1} of {rounds}, {members} members"):
                _, result = run_json(
                    SPEED, "ppo", "--members", members, "--seconds", seconds, "--env", env_id
                )
            found[members].append(result["steps_per_second"])
    return {
        "steps": STEPS,
        "members": list(MEMBERS),
        "steps_per_second": [found[members] for members in MEMBERS],
        "seconds": [members * STEPS / median(found[members]) for members in MEMBERS],
    }


def text(entries: Mapping[str, Entry]) -> str:
    """The plot, and the times as a Markdown table."""
    header = (
        "Seconds for 100,000 steps of every run",
        "1 run",
        *(f"{members} runs" for members in MEMBERS[1:]),
    )
    rows = []
    for env_id, entry in entries.items():
        seconds = entry["seconds"]
        rows.append([env_id, *(number(value, 1) for value in seconds)])
        each = [value / members for value, members in zip(seconds, entry["members"], strict=True)]
        rows.append([f"{env_id}, per run", *(number(value, 2) for value in each)])
    plot = picture(PLOT.name, "Seconds against the number of runs that are trained together, 1 to 128")
    return f"{plot}\n\n{table(header, rows)}"


def draw(entries: Mapping[str, Entry]) -> None:
    """Draw the times against the number of runs, with the line of runs one after the other."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.6), dpi=150, layout="constrained")
    for axes, (env_id, entry) in zip(figure.subplots(1, 2), entries.items(), strict=False):
        members, seconds = entry["members"], entry["seconds"]
        axes.loglog(
            members, [seconds[0] * count for count in members], "--", color="#999999", label="one by one"
        )
        axes.loglog(members, seconds, "o-", color="#0072B2", label="as one population")
        ratio = seconds[0] * members[-1] / seconds[-1]
        words = f"{members[-1]} runs: {ratio:.1f} times faster"
        axes.text(0.97, 0.05, words, transform=axes.transAxes, ha="right", fontsize=9)
        axes.set_title(f"{env_id}, one core", loc="left", fontsize=10, fontweight="bold")
        axes.set_xlabel("runs trained together")
        axes.set_xticks(members, [str(count) for count in members])
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.minorticks_off()
        axes.grid(color="#e6e6e6")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=9)
    figure.axes[0].set_ylabel(f"seconds for {STEPS:,} steps of each")
    figure.savefig(PLOT, metadata={"Software": None})


def main() -> None:
    """Measure, draw and print the table."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--env", choices=ENVS, action="append", help="which; default: all")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each size")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each")
    args = parser.parse_args()
    results = Results("growth", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(
                0, {min(os.sched_getaffinity(0))}
            )  # children inherit it: no environment workers
        for env_id in args.env or ENVS:
            rounds, seconds = (1, 0.5) if args.quick else (args.rounds, args.seconds)
            results.add(env_id, measure(env_id, rounds, seconds))
    if not args.quick:
        draw(results.entries)
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
