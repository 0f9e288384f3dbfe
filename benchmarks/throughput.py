"""How many environment steps per second, with the same hyperparameters?

CartPole, 4 environments, 128 steps, 4 epochs, 4 minibatches, two tanh networks 64-64, learning rate 2.5e-4.
Counted are whole iterations of the training loop, after a second of warming up; imports, start-up and
evaluation are not in it. Neither program writes files, unless ``--folders`` asks for ppo's run folders. The
steps of a population are those of all its members together.

Each measurement is a process of its own; the programs take turns, and ratios are taken within a round, so
that a machine that slows down slows all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from _speed import ENV_ID, SharedSettings
from common import (
    Entry,
    Results,
    arguments,
    machine,
    median_and_range,
    number,
    report,
    run_json,
    spread,
    step,
    table,
)

SPEED = Path(__file__).with_name("_speed.py")


@dataclass(frozen=True)
class Contestant:
    """A program to measure.

    Attributes:
        label: Its name in the table.
        words: Arguments of ``_speed.py``.
    """

    label: str
    words: tuple[str, ...]


PEER = "sb3"
CONTESTANTS = {
    PEER: Contestant("Stable-Baselines3, 1 run, 1 thread", ("sb3",)),
    "ppo-1": Contestant("ppo, 1 member, 1 thread", ("ppo",)),
    "ppo-32": Contestant("ppo, 32 members, 1 thread", ("ppo", "--members", "32")),
    "ppo-32-2": Contestant("ppo, 32 members, 2 threads", ("ppo", "--members", "32", "--threads", "2")),
}


def measure(rounds: int, seconds: float, *, folders: bool) -> Entry:
    """Measure everyone ``rounds`` times in turn; an entry of the results file."""
    measured: list[dict[str, Any]] = []
    for index in range(rounds):
        measured.append({})
        for name, contestant in CONTESTANTS.items():
            extra = ("--folders",) if folders and name != PEER else ()
            with step(f"round {index + 1} of {rounds}, {contestant.label}"):
                _, result = run_json(SPEED, *contestant.words, "--seconds", seconds, *extra)
            measured[-1][name] = result
    speeds = {name: [own[name]["steps_per_second"] for own in measured] for name in CONTESTANTS}
    ratios = {
        name: [own / peer for own, peer in zip(speeds[name], speeds[PEER], strict=True)]
        for name in CONTESTANTS
    }
    return {
        "env_id": ENV_ID,
        "hyperparameters": asdict(SharedSettings()),
        "run_folders_written": folders,
        "seconds": seconds,
        "rounds": measured,
        "steps_per_second": {name: median_and_range(values) for name, values in speeds.items()},
        "ratio_to_sb3": {name: median_and_range(values) for name, values in ratios.items()},
    }


def text(entries: Mapping[str, Entry]) -> str:
    """The speeds as Markdown tables."""
    return "\n\n".join(f"{name}:\n\n{speeds(entry)}" for name, entry in entries.items())


def speeds(entry: Entry) -> str:
    """One entry's speeds as a Markdown table."""
    header = (
        "Program",
        "Steps per second, median (range)",
        "Times Stable-Baselines3, median of rounds (range)",
    )
    rows = [
        [
            contestant.label,
            spread(entry["steps_per_second"][name], 0),
            "1" if name == PEER else spread(entry["ratio_to_sb3"][name], 1),
        ]
        for name, contestant in CONTESTANTS.items()
    ]
    return table(header, rows)


def profile(entry: Entry) -> str:
    """Where the time of ppo goes: shares of all rounds together, as a Markdown table."""
    totals = {name: _total_timings(entry, name) for name in CONTESTANTS if name != PEER}
    activities = list(dict.fromkeys(activity for timings in totals.values() for activity in timings))
    rows = [
        [CONTESTANTS[name].label, *(_share(timings, activity) for activity in activities)]
        for name, timings in totals.items()
    ]
    return table(("Program", *activities), rows)


def _total_timings(entry: Entry, name: str) -> dict[str, float]:
    totals: dict[str, float] = {}
    for measured in entry["rounds"]:
        for activity, seconds in measured[name]["timings"].items():
            totals[activity] = totals.get(activity, 0.0) + seconds
    return totals


def _share(timings: Mapping[str, float], activity: str) -> str:
    return f"{number(100 * timings.get(activity, 0.0) / sum(timings.values()), 1)} %"


def main() -> None:
    """Measure and print the tables."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each program")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of each")
    parser.add_argument("--folders", action="store_true", help="let ppo write its run folders")
    parser.add_argument("--profile", action="store_true", help="also show where the time of ppo goes")
    args = parser.parse_args()
    results = Results("throughput", quick=args.quick)
    key = f"{ENV_ID}, with run folders" if args.folders else ENV_ID
    if not args.show:
        machine()  # before there is load of our own
        rounds, seconds = (1, 2.0) if args.quick else (args.rounds, args.seconds)
        results.add(key, measure(rounds, seconds, folders=args.folders))
    shares = [f"Time of ppo, {name}:\n\n{profile(entry)}" for name, entry in results.entries.items()]
    report("\n\n".join([text(results.entries), *(shares if args.profile else [])]), results.entries)


if __name__ == "__main__":
    main()
