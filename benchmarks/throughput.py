"""How many environment steps per second, with the same hyperparameters?

CartPole, 4 environments, 128 steps, 4 epochs, 4 minibatches, two tanh networks 64-64, learning rate 2.5e-4.
Counted are whole iterations of the training loop, after a second of warming up; imports, start-up and
evaluation are not in it, nor is the compilation of the peer that compiles its training, which is told by
itself. No program writes files, unless ``--folders`` asks for ppo's run folders. The steps of a population
are those of all its members together.

Each measurement is a process of its own; the programs take turns, and ratios are taken within a round, so
that a machine that slows down slows all of them. Seconds are counted by the wall's clock and by the
processor's: where other programs run too, the latter say more. Ratios are of the latter, but for two threads.

``--peer rejax`` adds rejax (a training that JAX compiles), in an environment of its own that is made on
demand. PureJaxRL, from which it comes, is no package and is not measured.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from _peers import peer_pythons
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
REJAX_SPEED = Path(__file__).with_name("_rejax.py")
WALL, CPU = "steps_per_second", "steps_per_cpu_second"


@dataclass(frozen=True)
class Contestant:
    """A program to measure.

    Attributes:
        label: Its name in the table.
        words: Arguments of ``_speed.py``, or of the peer's own program.
        peer: Of which peer's environment it needs the interpreter; None for this one's.
        threads: How many it has.
    """

    label: str
    words: tuple[str, ...]
    peer: str | None = None
    threads: int = 1


PEER = "sb3"
REJAX = "rejax"
CONTESTANTS = {
    PEER: Contestant("Stable-Baselines3, 1 run, 1 thread", ("sb3",)),
    "torch-1": Contestant("ppo, engine torch, 1 member, 1 thread", ("ppo", "--engine", "torch")),
    "ppo-1": Contestant("ppo, 1 member, 1 thread", ("ppo",)),
    "rejax-1": Contestant("rejax, 1 seed, 1 thread", ("--members", "1"), REJAX),
    "torch-32": Contestant(
        "ppo, engine torch, 32 members, 1 thread", ("ppo", "--engine", "torch", "--members", "32")
    ),
    "ppo-32": Contestant("ppo, 32 members, 1 thread", ("ppo", "--members", "32")),
    "rejax-32": Contestant("rejax, 32 seeds, 1 thread", ("--members", "32"), REJAX),
    "ppo-32-2": Contestant(
        "ppo, 32 members, 2 threads", ("ppo", "--members", "32", "--threads", "2"), threads=2
    ),
}
SAME_SIZE = {"rejax-1": "ppo-1", "rejax-32": "ppo-32"}
"""With which of ours a compiled peer is compared."""


def measure(rounds: int, seconds: float, peers: Collection[str], *, folders: bool) -> Entry:
    """Measure everyone ``rounds`` times in turn; an entry of the results file."""
    pythons, missing = peer_pythons(peers)
    contestants = {
        name: contestant
        for name, contestant in CONTESTANTS.items()
        if contestant.peer is None or contestant.peer in pythons
    }
    measured: list[dict[str, Any]] = []
    for index in range(rounds):
        measured.append({})
        for name, contestant in contestants.items():
            with step(f"round {index + 1} of {rounds}, {contestant.label}"):
                measured[-1][name] = _measure_one(contestant, pythons, seconds, folders=folders)
    speeds = {
        name: {kind: [own[name][kind] for own in measured] for kind in (WALL, CPU)} for name in contestants
    }
    return {
        "env_id": ENV_ID,
        "hyperparameters": asdict(SharedSettings()),
        "run_folders_written": folders,
        "seconds": seconds,
        "not_measured": missing,
        "rounds": measured,
        WALL: {name: median_and_range(own[WALL]) for name, own in speeds.items()},
        CPU: {name: median_and_range(own[CPU]) for name, own in speeds.items()},
        "ratio_to_sb3": {name: _ratio(speeds, name, PEER) for name in contestants},
        "ratio_to_rejax": {
            ours: _ratio(speeds, ours, peer) for peer, ours in SAME_SIZE.items() if peer in contestants
        },
        "ratio_of_2_threads": _ratio(speeds, "ppo-32-2", "ppo-32"),
    }


def _measure_one(
    contestant: Contestant, pythons: Mapping[str, Path], seconds: float, *, folders: bool
) -> dict[str, Any]:
    if contestant.peer is not None:
        words = (json.dumps(asdict(SharedSettings())), *contestant.words, "--seconds", seconds)
        _, result = run_json(REJAX_SPEED, *words, python=pythons[contestant.peer])
    else:
        extra = ("--folders",) if folders and contestant.words[0] == "ppo" else ()
        _, result = run_json(SPEED, *contestant.words, "--seconds", seconds, *extra)
    found: dict[str, Any] = result
    return found


def _ratio(speeds: Mapping[str, Mapping[str, list[float]]], ours: str, other: str) -> dict[str, float]:
    """How many times faster one is, round by round."""
    kind = WALL if CONTESTANTS[ours].threads > 1 else CPU
    pairs = zip(speeds[ours][kind], speeds[other][kind], strict=True)
    return median_and_range([own / peer for own, peer in pairs])


def text(entries: Mapping[str, Entry]) -> str:
    """The speeds as Markdown tables."""
    return "\n\n".join(f"{name}:\n\n{speeds(entry)}" for name, entry in entries.items())


def speeds(entry: Entry) -> str:
    """One entry's speeds as a Markdown table, and what else is to be said of them."""
    header = [
        "Program",
        "Steps per second, median (range)",
        "Times Stable-Baselines3, median of rounds (range)",
    ]
    if CPU in entry:
        header.insert(2, "Per processor second")
    rows = []
    for name in entry[WALL]:
        row = [CONTESTANTS[name].label, spread(entry[WALL][name], 0)]
        row += [spread(entry[CPU][name], 0)] if CPU in entry else []
        rows.append([*row, "1" if name == PEER else spread(entry["ratio_to_sb3"][name], 1)])
    return "\n\n".join([table(header, rows), *_remarks(entry)])


def _remarks(entry: Entry) -> list[str]:
    """The other ratios, how long a peer compiles, and who could not take part."""
    lines = [
        f"{CONTESTANTS[name].label}: {spread(ratio, 2)} times rejax."
        for name, ratio in entry.get("ratio_to_rejax", {}).items()
    ]
    if "ratio_of_2_threads" in entry:
        lines.append(f"Two threads: {spread(entry['ratio_of_2_threads'], 2)} times one, by the wall's clock.")
    for name in (name for name in SAME_SIZE if name in entry[WALL]):
        compiling = median_and_range([own[name]["compile_seconds"] for own in entry["rounds"]])
        lines.append(f"{CONTESTANTS[name].label}, compiles first: {spread(compiling, 1, ' s')}.")
    lines += [f"Not measured: {reason}." for reason in entry.get("not_measured", {}).values()]
    return lines


def profile(entry: Entry) -> str:
    """Where the time of ppo goes: shares of all rounds together, as a Markdown table."""
    totals = {name: _total_timings(entry, name) for name in entry[WALL]}
    totals = {name: timings for name, timings in totals.items() if timings}
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
    parser.add_argument(
        "--peer", action="append", choices=[REJAX], default=[], help="measure this program too"
    )
    parser.add_argument("--folders", action="store_true", help="let ppo write its run folders")
    parser.add_argument("--profile", action="store_true", help="also show where the time of ppo goes")
    args = parser.parse_args()
    results = Results("throughput", quick=args.quick)
    key = f"{ENV_ID}, with run folders" if args.folders else ENV_ID
    if not args.show:
        machine()  # before there is load of our own
        rounds, seconds = (1, 2.0) if args.quick else (args.rounds, args.seconds)
        results.add(key, measure(rounds, seconds, args.peer, folders=args.folders))
    shares = [f"Time of ppo, {name}:\n\n{profile(entry)}" for name, entry in results.entries.items()]
    report("\n\n".join([text(results.entries), *(shares if args.profile else [])]), results.entries)


if __name__ == "__main__":
    main()
