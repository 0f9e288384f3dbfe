"""Do the shipped settings solve their environments?

Trains the shipped settings of each environment over several seeds as one population, exactly as ``ppo train
--env X --seeds 5`` does, and reports the evaluation that every run ends with: its last policy, the most
likely action, fresh episodes, the environment's own reward. Seeds are the unit of replication: the mean is
over seeds, the 95 % interval is Student's t over the seeds' means.

The first seed is then trained once more, alone: that is the wall time of one ``ppo train``, and its
evaluation must be the one that it had within the population. Wall times are of the whole process, start-up
and evaluations included.

Environments of more than two million steps (BipedalWalker) are measured with ``--long`` alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common import Entry, Results, arguments, machine, number, ppo_train, report, run_json, step, table

from ppo_cli.runs.eval_stats import mean_interval

# Pendulum has no threshold in Gymnasium's registry; this is the mark that other projects use.
OWN_MARKS = {"Pendulum-v1": -200.0}
LONG = 2_000_000  # steps
HEADER = (
    "Environment",
    "Steps",
    "Mean return",
    "95 % interval",
    "Each seed",
    "Mark",
    "Met",
    "Seeds that meet",
    "All seeds together",
    "One seed alone",
)
LEGEND = "\n\n\\* not in Gymnasium's registry: the mark that other projects use."
QUICK = ("total_timesteps=1", "num_evals=1", "eval_episodes=2", "final_eval_episodes=3")


def measure(
    env: Mapping[str, Any], seeds: int, *, threads: int, alone: bool, settings: Sequence[str]
) -> Entry:
    """Train one environment's settings; an entry of the results file."""
    env_id = env["env_id"]
    with step(f"{env_id}, {seeds} seeds together"):
        wall_time, runs = ppo_train(env_id, "--seeds", seeds, settings=[*settings, f"num_threads={threads}"])
    returns = [run["eval"]["mean"] if run["eval"] else None for run in runs]
    complete = [value for value in returns if value is not None]
    mean = sum(complete) / seeds if len(complete) == seeds else None
    mark = env["reward_threshold"] if env["reward_threshold"] is not None else OWN_MARKS.get(env_id)
    entry: Entry = {
        "seeds": [run["seed"] for run in runs],
        "status": [run["status"] for run in runs],
        "returns": returns,
        "mean": mean,
        "ci95": mean_interval(complete) if mean is not None else None,
        "episodes_per_seed": next((run["eval"]["episodes"] for run in runs if run["eval"]), None),
        "best_during_training": [run["best_eval_during_training"] for run in runs],
        "mark": mark,
        "mark_from": "registry" if env["reward_threshold"] is not None else "other projects",
        "met": mean is not None and mark is not None and mean >= mark,
        "seeds_that_meet": sum(value >= mark for value in complete) if mark is not None else None,
        "steps_per_seed": max(run["global_step"] for run in runs),
        "wall_time": wall_time,
        "threads": threads,
        "alone": None,
    }
    if alone:
        with step(f"{env_id}, one seed alone"):
            wall_time, runs = ppo_train(env_id, settings=settings)
        own = runs[0]["eval"]["mean"] if runs[0]["eval"] else None
        entry["alone"] = {"wall_time": wall_time, "return": own, "same_as_together": own == returns[0]}
    return entry


def text(entries: Mapping[str, Entry]) -> str:
    """The results as a Markdown table."""
    return table(HEADER, [_row(env_id, entry) for env_id, entry in entries.items()]) + LEGEND


def _row(env_id: str, entry: Entry) -> list[str]:
    alone = entry["alone"]
    diverged = entry["status"].count("diverged")
    interval = (
        " to ".join(number(bound, 1) for bound in entry["ci95"])
        if entry["ci95"] and None not in entry["ci95"]
        else "–"
    )
    return [
        env_id,
        number(entry["steps_per_seed"]),
        number(entry["mean"], 1) + (f" ({diverged} diverged)" if diverged else ""),
        interval,
        ", ".join(number(value, 1) for value in entry["returns"]),
        number(entry["mark"]) + ("" if entry["mark_from"] == "registry" else "\\*"),
        "yes" if entry["met"] else "no",
        f"{number(entry['seeds_that_meet'])} of {len(entry['seeds'])}",
        f"{number(entry['wall_time'])} s",
        "–" if alone is None else f"{number(alone['wall_time'])} s" + _difference(alone),
    ]


def _difference(alone: Mapping[str, Any]) -> str:
    return "" if alone["same_as_together"] else f" (another result: {number(alone['return'], 1)})"


def main() -> None:
    """Measure what the options ask for, print the table of all entries."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--env", action="append", help="only this environment; repeatable")
    parser.add_argument("--long", action="store_true", help=f"only those of more than {LONG:,} steps")
    parser.add_argument("--seeds", type=int, default=5, help="runs per environment")
    parser.add_argument("--threads", type=int, default=1, help="torch threads of the population")
    parser.add_argument("--no-alone", action="store_true", help="do not train one seed alone")
    args = parser.parse_args()
    results = Results("solved", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        known = {env["env_id"]: env for env in run_json("-m", "ppo_cli", "envs", "--json")[1]["envs"]}
        chosen = [name for name, env in known.items() if (env["total_timesteps"] > LONG) == args.long]
        for env_id in args.env or chosen:
            if env_id not in known:
                parser.error(f"no shipped settings for {env_id}; there are: {', '.join(known)}")
            seeds, settings = (2, QUICK) if args.quick else (args.seeds, ())
            results.add(
                env_id,
                measure(
                    known[env_id], seeds, threads=args.threads, alone=not args.no_alone, settings=settings
                ),
            )
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
