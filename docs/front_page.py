"""The two tables of the front page, from what the benchmarks measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common import Results, number, table


def front_results() -> str:
    """What the shipped settings reach, in short."""
    rows = []
    for env_id, entry in _entries("solved").items():
        alone = entry["alone"]
        rows.append(
            [
                env_id,
                number(entry["steps_per_seed"]),
                number(entry["mean"], 1),
                "–" if None in (entry["ci95"] or [None]) else _interval(entry["ci95"]),
                number(entry["mark"]) + ("" if entry["mark_from"] == "registry" else "\\*"),
                f"{entry['seeds_that_meet']} of {len(entry['seeds'])}",
                "–" if alone is None else f"{number(alone['wall_time'])} s",
                f"{number(entry['wall_time'])} s",
            ]
        )
    header = (
        "Environment", "Steps", "Mean return", "95 % interval", "Mark", "Seeds that meet it",
        "Time, one seed", "All seeds together",
    )  # fmt: skip
    return table(header, rows)


def front_speed() -> str:
    """Times beside those of Stable-Baselines3, in short."""
    rows = []
    for env_id, entry in _entries("time_to_solve").items():
        ours, peer = entry["ppo"], entry["sb3"]
        solved = peer["num_met"] == len(peer["runs"])
        longest = max(run["wall_time"] for run in peer["runs"])
        rows.append(
            [
                f"{env_id}, from the prompt to a policy that meets {number(entry['mark'])}",
                f"{number(ours['median'], 1)} s",
                f"{number(peer['median'], 1)} s" if solved else f"not within {number(longest)} s",
            ]
        )
    for env_id, entry in _entries("throughput").items():
        speed = {name: number(summary["median"]) for name, summary in entry["steps_per_second"].items()}
        rows += [
            [f"{env_id}, environment steps per second, 1 run on 1 core", speed["ppo-1"], speed["sb3"]],
            [f"{env_id}, the same, 32 runs together on 1 core", speed["ppo-32"], speed["sb3"]],
        ]
    for entry in _entries("sweep_speed").values():
        if entry["env_id"] == "LunarLander-v3":
            ours, peer = (f"{number(entry['seconds'][name]['median'])} s" for name in ("ppo", "sb3"))
            task = f"{entry['env_id']}, {entry['runs']} runs on 2 cores, hyperparameters: "
            rows.append([task + entry["hyperparameters"], ours, peer])
    return table(("", "ppo", "Stable-Baselines3"), rows)


def _entries(name: str) -> Mapping[str, Any]:
    return Results(name, quick=False).entries


def _interval(bounds: tuple[float, float]) -> str:
    return " to ".join(number(bound, 1) for bound in bounds)
