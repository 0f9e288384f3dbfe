"""The sweeps that the documentation shows: one command each, with the plot and words that it made."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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

SHOWN = {
    "eps-clip-lunarlander": "The clip range on LunarLander",
    "distance-lunarlander": "How strongly to reward nearness on LunarLander",
}
"""Files in ``configs/sweeps``, each with a title."""

QUICK = ("--total-timesteps", 20_000, "--seeds", 2, "--set", "final_eval_episodes=2", "--confirm", 1)


def measure(name: str, runs_dir: Path, *, quick: bool) -> Entry:
    """Run a sweep from a cold start; an entry of the results file. Its plot goes to ``docs/pictures``."""
    words = ["sweep", f"configs/sweeps/{name}.yaml", *(QUICK if quick else ()), "--runs-dir", runs_dir]
    seconds, document = run_json("-m", "ppo_cli", *words, "--json")
    if not quick:
        for suffix in (".png", ".svg"):
            shutil.copy(Path(document["sweep_dir"], f"sensitivity{suffix}"), PICTURES / f"{name}{suffix}")
    kept = ("env_id", "points", "best", "sentence", "steps", "objective", "status")
    return {"seconds": seconds, "runs": len(document["runs"]), **{key: document[key] for key in kept}}


def text(entries: Mapping[str, Entry]) -> str:
    """The sweeps: plot, command, table, words."""
    return "\n\n".join(_section(name, entries[name]) for name in SHOWN if name in entries)


def _section(name: str, entry: Entry) -> str:
    parts = [
        f"### {SHOWN[name]}",
        picture(f"{name}.png", f"{SHOWN[name]}: every seed, mean and 95 % interval"),
        f"    ppo sweep configs/sweeps/{name}.yaml",
        f"> {entry['sentence']}",
        _winner(entry),
        _points(entry),
    ]
    return "\n\n".join(parts)


def _winner(entry: Entry) -> str:
    best, held_out = entry["best"], entry["best"]["held_out"]
    steps = number(entry["steps"]["done"] / entry["runs"])
    return (
        f"{entry['runs']} runs of {steps} steps. The best, `{best['label']}`, claims {_mean(best)} "
        f"over {best['n_seeds']} seeds; on {held_out['n_seeds']} held-out seeds it repeats {_mean(held_out)}."
    )


def _points(entry: Entry) -> str:
    header = ("Point", "Seeds", "Mean return", "95 % interval", "IQM", "Failed", "Each seed")
    rows = []
    for point in entry["points"]:
        low, high = point["ci95"]
        each = ", ".join(number(value, 1) for value in point["returns"])
        interval = f"{number(low, 1)} to {number(high, 1)}"
        failed = number(point["failed"])
        rows.append(
            [
                f"`{point['label']}`",
                number(point["n_seeds"]),
                number(point["mean"], 1),
                interval,
                number(point["iqm"], 1),
                failed,
                each,
            ]
        )
    return table(header, rows)


def _mean(numbers: Mapping[str, Any]) -> str:
    low, high = numbers["ci95"]
    return f"{number(numbers['mean'], 1)} [{number(low, 1)}, {number(high, 1)}]"


def main() -> None:
    """Run the sweeps and print what they show."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", choices=sorted(SHOWN), action="append", help="which; default: all")
    parser.add_argument("--runs-dir", type=Path, help="keep the runs there, and go on with what is there")
    args = parser.parse_args()
    results = Results("sweeps_shown", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        for name in args.only or SHOWN:
            with tempfile.TemporaryDirectory(prefix="ppo-benchmark-") as scratch, step(name):
                entry = measure(name, args.runs_dir or Path(scratch), quick=args.quick)
            results.add(name, entry)
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
