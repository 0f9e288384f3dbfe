"""Which distribution for continuous actions? Gaussian, squashed Gaussian and Beta, five seeds each.

Pendulum and LunarLanderContinuous are trained by PPO-clip with the shipped settings and each distribution in
turn; ``ppo compare`` says which is better. The result decides the default of ``network.policy``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common import Entry, Results, arguments, kept_comparison, machine, number, report, run_json, step, table

ENVS = ("Pendulum-v1", "LunarLanderContinuous-v3")
SEEDS = 5
POLICIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "gaussian": ("cut off at the bounds", ("policy=gaussian", "squash=false")),
    "squashed": ("bent into the bounds", ("policy=gaussian", "squash=true")),
    "beta": ("nothing outside the bounds", ("policy=beta", "log_std_init=0")),
}
"""Names of the runs, each with words for the table and the settings that make it."""

QUICK = ("--total-timesteps", 20_000, "--set", "final_eval_episodes=2")


def train_words(env_id: str, name: str) -> list[str]:
    """The words after ``ppo`` that train one group."""
    settings = [word for setting in POLICIES[name][1] for word in ("--set", setting)]
    return ["train", "--env", env_id, *settings, "--seeds", str(SEEDS), "--name", name]


def measure(env_id: str, runs_dir: Path, *, quick: bool) -> Entry:
    """Train and compare; an entry of the results file."""
    for name in POLICIES:
        with step(f"{env_id}, {name}"):
            run_json(
                "-m", "ppo_cli", *train_words(env_id, name), *(QUICK if quick else ()), "--quiet",
                "--runs-dir", runs_dir, "--json",
            )  # fmt: skip
    _, document = run_json("-m", "ppo_cli", "compare", *POLICIES, "--runs-dir", runs_dir, "--json")
    return {"seeds": SEEDS, "compared": kept_comparison(document, "verdict", "comparisons", "warnings")}


def text(entries: Mapping[str, Entry]) -> str:
    """For each environment the verdict and a Markdown table."""
    parts = []
    for env_id, entry in entries.items():
        rows = [_row(group) for group in entry["compared"]["groups"]]
        header = (env_id, "", "Mean return", "95 % interval", "IQM", "Each seed")
        parts += [table(header, rows), f"> {entry['compared']['verdict']}"]
    return "\n\n".join(parts)


def _row(group: Mapping[str, Any]) -> list[str]:
    low, high = group["ci95"]
    return [
        f"`{group['name']}`",
        POLICIES[group["name"]][0],
        number(group["mean"], 1),
        f"{number(low, 1)} to {number(high, 1)}",
        number(group["iqm"], 1),
        ", ".join(number(value, 1) for value in group["values"]),
    ]


def main() -> None:
    """Train, compare and print the tables."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--env", choices=ENVS, action="append", help="which; default: all")
    args = parser.parse_args()
    results = Results("policies", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        for env_id in args.env or ENVS:
            with tempfile.TemporaryDirectory(prefix="ppo-benchmark-") as runs_dir:
                results.add(env_id, measure(env_id, Path(runs_dir), quick=args.quick))
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
