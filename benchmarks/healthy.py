"""Are the diagnoses silent on healthy runs?

Trains every shipped file of settings, of all algorithms, over several seeds as one population, exactly as
``ppo train --env X --algorithm A --seeds N`` does, and lists what the diagnoses say at the end. Shipped
settings reach what their headers say, so every finding here is a false alarm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common import Entry, Results, arguments, machine, ppo_train, report, run_json, step, table

HEADER = ("Environment", "Algorithm", "Seeds", "Mean returns", "Findings")
QUICK = ("total_timesteps=4096", "num_evals=1", "eval_episodes=2", "final_eval_episodes=3")


def measure(env_id: str, algorithm: str, seeds: int, settings: Sequence[str]) -> Entry:
    """Train one file of settings; an entry of the results file."""
    with step(f"{env_id}, {algorithm}, {seeds} seeds"):
        _, runs = ppo_train(env_id, "--algorithm", algorithm, "--seeds", seeds, settings=settings)
    return {
        "env_id": env_id,
        "algorithm": algorithm,
        "seeds": [run["seed"] for run in runs],
        "returns": [run["eval"]["mean"] if run["eval"] else None for run in runs],
        "findings": {str(run["seed"]): run["diagnosis"] for run in runs if run["diagnosis"]},
    }


def text(entries: Mapping[str, Entry]) -> str:
    """The results as a Markdown table and a sentence."""
    runs = sum(len(entry["seeds"]) for entry in entries.values())
    ill = sum(len(entry["findings"]) for entry in entries.values())
    said = f"{ill} of {runs} healthy runs have a finding."
    return f"{table(HEADER, [_row(entry) for entry in entries.values()])}\n\n{said}"


def _row(entry: Entry) -> list[str]:
    findings = [
        f"seed {seed}: {', '.join(finding['name'] for finding in found)}"
        for seed, found in entry["findings"].items()
    ]
    returns = ["–" if value is None else f"{value:.1f}" for value in entry["returns"]]
    seeds = str(len(entry["seeds"]))
    return [entry["env_id"], entry["algorithm"], seeds, ", ".join(returns), "; ".join(findings) or "none"]


def main() -> None:
    """Measure what the options ask for, print the table of all entries."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--env", action="append", help="only this environment; repeatable")
    parser.add_argument("--algorithm", action="append", help="only this algorithm; repeatable")
    parser.add_argument("--seeds", type=int, default=3, help="runs per file")
    args = parser.parse_args()
    results = Results("healthy", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        known: list[dict[str, Any]] = run_json("-m", "ppo_cli", "envs", "--json")[1]["envs"]
        seeds, settings = (2, QUICK) if args.quick else (args.seeds, ())
        for env in known:
            for algorithm in env["algorithms"]:
                wanted = env["env_id"] in (args.env or [env["env_id"]])
                if wanted and algorithm in (args.algorithm or [algorithm]):
                    entry = measure(env["env_id"], algorithm, seeds, settings)
                    results.add(f"{env['env_id']} {algorithm}", entry)
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
