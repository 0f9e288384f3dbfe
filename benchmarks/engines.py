"""How much quicker do the compiled kernels train the settings that ship?

Each environment is trained as shipped, one run on one thread, by both engines in turn. Counted are whole
iterations of the training loop, after a second of warming up; imports, start-up, evaluation and files are not
in it. LunarLander is stepped in one process here, and by Box2D whatever the engine, so its kernels are those
of the networks alone.

Each measurement is a process of its own. Steps per second are counted by the processor's clock, and ratios
are taken within a round.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from common import Entry, Results, arguments, machine, median_and_range, report, run_json, spread, step, table

SPEED = Path(__file__).with_name("_speed.py")
ENVIRONMENTS = (
    "CartPole-v1",
    "Acrobot-v1",
    "Pendulum-v1",
    "MountainCar-v0",
    "MountainCarContinuous-v0",
    "LunarLander-v3",
)
ENGINES = ("torch", "compiled")


def measure(env_id: str, rounds: int, seconds: float) -> Entry:
    """Measure both engines ``rounds`` times in turn; an entry of the results file."""
    speeds: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    for index in range(rounds):
        for engine in ENGINES:
            words = ("ppo", "--env", env_id, "--shipped", "--engine", engine, "--seconds", seconds)
            with step(f"{env_id}, round {index + 1} of {rounds}, {engine}"):
                speeds[engine].append(run_json(SPEED, *words)[1]["steps_per_cpu_second"])
    pairs = zip(speeds["compiled"], speeds["torch"], strict=True)
    return {
        "seconds": seconds,
        "steps_per_cpu_second": {engine: median_and_range(values) for engine, values in speeds.items()},
        "ratio": median_and_range([ours / torch for ours, torch in pairs]),
    }


def text(entries: Mapping[str, Entry]) -> str:
    """The speeds as a Markdown table."""
    rows = [
        [
            env_id,
            *(spread(entry["steps_per_cpu_second"][engine], 0) for engine in ENGINES),
            spread(entry["ratio"], 1),
        ]
        for env_id, entry in entries.items()
    ]
    header = ["Environment", *(f"Engine {engine}, steps per processor second" for engine in ENGINES)]
    return table([*header, "Ratio, median of rounds (range)"], rows)


def main() -> None:
    """Measure and print the table."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each engine")
    parser.add_argument("--seconds", type=float, default=6.0, help="length of each")
    parser.add_argument("--env", choices=ENVIRONMENTS, help="only this environment")
    args = parser.parse_args()
    results = Results("engines", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        rounds, seconds = (1, 1.0) if args.quick else (args.rounds, args.seconds)
        for env_id in [args.env] if args.env else ENVIRONMENTS:
            results.add(env_id, measure(env_id, rounds, seconds))
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
