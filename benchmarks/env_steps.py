"""How many steps of CartPole per second, without any learning?

32 environments, one thread, actions drawn beforehand, episodes that begin anew by themselves. Of ``ppo`` it
is the compiled CartPole with all that training needs of it (records of episodes, the log for an exact
resume): stepped from Python as user code would, and played in one go, where the actions are those of a policy
with two layers of 64 units. Steps are counted by the processor's clock.

``--peer envpool`` adds EnvPool, in an environment of its own that is made on demand.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from _peers import peer_pythons
from common import (
    Entry,
    Results,
    arguments,
    machine,
    median_and_range,
    report,
    run_json,
    spread,
    step,
    table,
)

STEPS = Path(__file__).with_name("_env_steps.py")
NUM_ENVS = 32
ENVPOOL = "envpool"
PROGRAMS = {
    "gymnasium": "Gymnasium, one environment after the other",
    "vector": "Gymnasium, its vectorised CartPole",
    ENVPOOL: "EnvPool",
    "ppo": "ppo's kernels, stepped from Python",
    "played": "ppo's kernels, played with a policy",
}


def measure(rounds: int, seconds: float, peers: Collection[str]) -> Entry:
    """Measure every program ``rounds`` times in turn; an entry of the results file."""
    pythons, missing = peer_pythons(peers)
    speeds: dict[str, list[float]] = {name: [] for name in PROGRAMS if name != ENVPOOL or name in pythons}
    for index in range(rounds):
        for name, values in speeds.items():
            with step(f"round {index + 1} of {rounds}, {PROGRAMS[name]}"):
                words = (STEPS, name, "--envs", NUM_ENVS, "--seconds", seconds)
                values.append(run_json(*words, python=pythons.get(name))[1]["steps_per_cpu_second"])
    base = speeds["gymnasium"]
    ratios = {
        name: [own / other for own, other in zip(values, base, strict=True)]
        for name, values in speeds.items()
    }
    return {
        "num_envs": NUM_ENVS,
        "seconds": seconds,
        "not_measured": missing,
        "steps_per_cpu_second": {name: median_and_range(values) for name, values in speeds.items()},
        "ratio_to_gymnasium": {name: median_and_range(values) for name, values in ratios.items()},
    }


def text(entries: Mapping[str, Entry]) -> str:
    """The speeds as a Markdown table."""
    return "\n\n".join(speeds(entry) for entry in entries.values())


def speeds(entry: Entry) -> str:
    """One entry's speeds, and who could not take part."""
    rows = [
        [PROGRAMS[name], spread(summary, 0), spread(entry["ratio_to_gymnasium"][name], 1)]
        for name, summary in entry["steps_per_cpu_second"].items()
    ]
    header = ("Program", "Steps per processor second, median (range)", "Times Gymnasium")
    missing = [f"Not measured: {reason}." for reason in entry["not_measured"].values()]
    return "\n\n".join([table(header, rows), *missing])


def main() -> None:
    """Measure and print the table."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each program")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each")
    parser.add_argument(
        "--peer", action="append", choices=[ENVPOOL], default=[], help="measure this program too"
    )
    args = parser.parse_args()
    results = Results("env_steps", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        rounds, seconds = (1, 0.5) if args.quick else (args.rounds, args.seconds)
        results.add("CartPole-v1", measure(rounds, seconds, args.peer))
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
