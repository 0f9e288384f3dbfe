"""How long from an empty prompt to a policy that solves the environment?

Each run is a process of its own, one after the other, ``ppo`` and Stable-Baselines3 in turn; the clock runs
from the start of the process to its end. Both use one thread of arithmetic; ``ppo`` steps LunarLander on
every core and Stable-Baselines3 in one process, as each does by default.

``ppo``: a whole ``ppo train`` with a fixed number of steps (option ``--set``), from the imports to the run
folder and the final evaluation. A run counts as solved when that evaluation, the last policy over 100 fresh
episodes, meets the mark.

Stable-Baselines3, with the settings of RL Zoo: until the mean return of its last 100 training episodes
passes the mark for the first time, which its users see without an evaluation; or until RL Zoo's number of
steps or the time cap is reached, which is reported as such. The two tests are not the same: the training
episodes are played with sampled actions by policies that still change, the evaluation's with the most
likely actions by one policy.

Processor seconds stand beside those of the wall's clock: of the whole process, with its workers. For
LunarLander it is also said how long Box2D alone takes for as many steps, measured in each round between the
programs: no program that steps the lander through Box2D on one core can be faster.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from common import (
    Entry,
    Results,
    arguments,
    children_cpu,
    machine,
    median_and_range,
    median_or_inf,
    number,
    ppo_train,
    report,
    run_json,
    spread,
    step,
    table,
)

SB3, BOX2D = (Path(__file__).with_name(name) for name in ("_sb3.py", "_box2d.py"))
QUICK = ("total_timesteps=1", "num_evals=0", "final_eval_episodes=3")
QUICK_CAP = 2.0
LEGEND = (
    "Return of each run: of ppo, its final evaluation; of Stable-Baselines3, the mean of its last 100 "
    "training episodes when it ended. ppo ran `--set num_evals=0` and, for LunarLander-v3, `--set "
    "total_timesteps=400_000`; it steps LunarLander on both cores, Stable-Baselines3 on one (their defaults)."
)


@dataclass(frozen=True)
class Task:
    """An environment to solve.

    Attributes:
        mark: The mean return that solves it.
        settings: What differs from the shipped settings.
        cap: Seconds after which Stable-Baselines3 is stopped.
        box2d_episodes: How often a lander falls to time Box2D alone; 0 where there is no Box2D.
    """

    mark: float
    settings: tuple[str, ...]
    cap: float
    box2d_episodes: int = 0


TASKS = {
    "CartPole-v1": Task(475, ("num_evals=0",), cap=120),
    "LunarLander-v3": Task(200, ("total_timesteps=400_000", "num_evals=0"), cap=120, box2d_episodes=300),
}


def measure(env_id: str, task: Task, seeds: Sequence[int], *, peer: bool) -> Entry:
    """Run all seeds of one environment; an entry of the results file."""
    runs: dict[str, list[dict[str, Any]]] = {"ppo": [], "sb3": []}
    bare: list[dict[str, float]] = []
    for seed in seeds:
        if task.box2d_episodes:
            with step(f"{env_id}, Box2D alone"):
                bare.append(run_json(BOX2D, "--episodes", task.box2d_episodes)[1])
        with step(f"{env_id}, seed {seed}, ppo"):
            runs["ppo"].append(solve_with_ppo(env_id, task, seed))
        if peer:
            with step(f"{env_id}, seed {seed}, Stable-Baselines3"):
                runs["sb3"].append(solve_with_sb3(env_id, task, seed))
    return {
        "mark": task.mark,
        "ppo_settings": list(task.settings),
        "sb3_cap": task.cap,
        **({"box2d": {"rounds": bare, **over_bare_steps(runs["ppo"], bare)}} if bare else {}),
        **{name: {"runs": own, **summary(own)} for name, own in runs.items() if own},
    }


def solve_with_ppo(env_id: str, task: Task, seed: int) -> dict[str, Any]:
    """One ``ppo train``: its wall time, and whether its final evaluation meets the mark."""
    before = children_cpu()
    wall_time, (run,) = ppo_train(env_id, "--seed", seed, settings=task.settings)
    evaluation = run["eval"] or {"mean": None, "episodes": 0}
    return {
        "seed": seed,
        "met": evaluation["mean"] is not None and evaluation["mean"] >= task.mark,
        "wall_time": wall_time,
        "cpu_time": children_cpu() - before,
        "training_time": run["wall_time"],
        "steps": run["global_step"],
        "return": evaluation["mean"],
        "episodes": evaluation["episodes"],
    }


def solve_with_sb3(env_id: str, task: Task, seed: int) -> dict[str, Any]:
    """One training of Stable-Baselines3 until the mark or the cap."""
    before = children_cpu()
    wall_time, result = run_json(SB3, env_id, "--seed", seed, "--mark", task.mark, "--cap", task.cap)
    return {"seed": seed, "wall_time": wall_time, "cpu_time": children_cpu() - before, **result}


def over_bare_steps(
    runs: Sequence[Mapping[str, Any]], bare: Sequence[Mapping[str, float]]
) -> dict[str, dict[str, float]]:
    """Whole runs as multiples of what Box2D alone takes for their steps on one core, round by round."""
    pairs = list(zip(runs, bare, strict=True))
    wall = [run["wall_time"] / (run["steps"] * box["seconds_per_step"]) for run, box in pairs]
    cpu = [run["cpu_time"] / (run["steps"] * box["cpu_seconds_per_step"]) for run, box in pairs]
    return {"wall": median_and_range(wall), "cpu": median_and_range(cpu)}


def summary(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Median and range of the wall time.

    The median is over all runs: one that did not meet the mark counts as longer than any. The range is
    of those that did.
    """
    met = [run["wall_time"] for run in runs if run["met"]]
    return {
        "num_met": len(met),
        "median": median_or_inf([run["wall_time"] if run["met"] else None for run in runs]),
        "min": min(met, default=None),
        "max": max(met, default=None),
        "cpu_median": median_or_inf([run["cpu_time"] if run["met"] else None for run in runs]),
    }


def text(entries: Mapping[str, Entry]) -> str:
    """The results as a Markdown table."""
    header = (
        "Environment",
        "Mark",
        "Program",
        "Runs that met it",
        "Median",
        "Range",
        *(["Processor"] if any("cpu_median" in entry["ppo"] for entry in entries.values()) else []),
        "Steps",
        "Return of each run",
    )
    rows = [
        [env_id, number(entry["mark"]), label, *_cells(entry[name], cpu="Processor" in header)]
        for env_id, entry in entries.items()
        for name, label in (("ppo", "ppo"), ("sb3", "Stable-Baselines3"))
        if name in entry
    ]
    lines = [
        table(header, rows),
        "",
        LEGEND,
        "",
        *(_comparison(env_id, entry) for env_id, entry in entries.items()),
        *(_over_box2d(env_id, entry["box2d"]) for env_id, entry in entries.items() if "box2d" in entry),
    ]
    return "\n".join(lines)


def _cells(own: Mapping[str, Any], *, cpu: bool) -> list[str]:
    runs = own["runs"]
    steps = [run["steps"] for run in runs]
    returns = [run["return"] if "return" in run else run["last_100_training_episodes"] for run in runs]
    solved = own["median"] is not None and math.isfinite(own["median"])
    longest = max(run["wall_time"] for run in runs)
    return [
        f"{own['num_met']} of {len(runs)}",
        f"{number(own['median'], 1)} s"
        if solved
        else f"not within {number(max(steps))} steps, {number(longest)} s",
        f"{number(own['min'], 1)} to {number(own['max'], 1)} s" if own["num_met"] else "–",
        *([f"{number(own['cpu_median'], 1)} s" if solved and "cpu_median" in own else "–"] if cpu else []),
        number(steps[0]) if len(set(steps)) == 1 else f"{number(min(steps))} to {number(max(steps))}",
        ", ".join(number(value, 1) for value in returns),
    ]


def _comparison(env_id: str, entry: Entry) -> str:
    """How many times faster the median run is, as far as it can be said."""
    ours, peer = entry["ppo"]["median"], entry.get("sb3", {}).get("median")
    if "sb3" not in entry or ours is None or not math.isfinite(ours):
        return f"{env_id}: no comparison."
    if peer is not None and math.isfinite(peer):
        return f"{env_id}: {number(peer / ours, 1)} times faster, median against median."
    at_least = median(run["wall_time"] for run in entry["sb3"]["runs"])  # what was stopped would take longer
    return (
        f"{env_id}: more than {number(at_least / ours, 1)} times faster; most runs of the peer were stopped."
    )


def _over_box2d(env_id: str, box2d: Mapping[str, Any]) -> str:
    bare = median_and_range([1e6 * box["seconds_per_step"] for box in box2d["rounds"]])
    return (
        f"{env_id}, start and evaluation included: {spread(box2d['wall'], 2)} times what Box2D alone takes "
        f"for the training's steps on one core ({spread(bare, 1, ' µs')} each); by the processor's clock "
        f"{spread(box2d['cpu'], 2)} times."
    )


def main() -> None:
    """Measure what the options ask for, print the table of all entries."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--env", choices=list(TASKS), help="only this environment")
    parser.add_argument("--seeds", type=int, default=5, help="runs per program and environment, seeds 1 to N")
    parser.add_argument(
        "--set",
        action="append",
        dest="settings",
        metavar="NAME=VALUE",
        help="settings of ppo, in place of the task's own (needs --env); repeatable",
    )
    parser.add_argument("--cap", type=float, help="seconds for Stable-Baselines3, in place of the task's own")
    parser.add_argument("--no-peer", action="store_true", help="do not run Stable-Baselines3")
    args = parser.parse_args()
    if args.settings and not args.env:
        parser.error("--set needs --env")
    results = Results("time_to_solve", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        for env_id in [args.env] if args.env else TASKS:
            own = TASKS[env_id]
            task = replace(own, settings=tuple(args.settings or own.settings), cap=args.cap or own.cap)
            if args.quick:
                task = replace(own, settings=QUICK, cap=QUICK_CAP, box2d_episodes=own.box2d_episodes // 30)
            seeds = range(1, 2 if args.quick else args.seeds + 1)
            results.add(env_id, measure(env_id, task, seeds, peer=not args.no_peer))
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
