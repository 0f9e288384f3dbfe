"""How long does ``ppo --help`` take?

Compared with a Python that only imports the libraries of the command line (``import typer, rich``), and
with one that does nothing. Medians of processes that take turns; a round beforehand fills the caches of
files and of compiled modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from common import (
    Entry,
    Results,
    arguments,
    machine,
    median_and_range,
    number,
    report,
    run_python,
    spread,
    table,
)

COMMANDS = {
    "ppo --help": ("-m", "ppo_cli", "--help"),
    "python -c 'import typer, rich'": ("-c", "import typer, rich"),
    "python -c pass": ("-c", "pass"),
}
OURS, BASE = list(COMMANDS)[:2]


def measure(rounds: int) -> Entry:
    """Time every command ``rounds`` times in turn; an entry of the results file."""
    seconds_of: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for index in range(rounds + 1):
        for name, words in COMMANDS.items():
            seconds, _ = run_python(*words)
            if index > 0:
                seconds_of[name].append(seconds)
    ratios = [ours / base for ours, base in zip(seconds_of[OURS], seconds_of[BASE], strict=True)]
    return {
        "rounds": rounds,
        "seconds": {name: median_and_range(values) for name, values in seconds_of.items()},
        "ratio_of_medians": median(seconds_of[OURS]) / median(seconds_of[BASE]),
        "ratio_per_round": median_and_range(ratios),
    }


def text(entries: Mapping[str, Entry]) -> str:
    """The times as a Markdown table."""
    return "\n\n".join(times(entry) for entry in entries.values())


def times(entry: Entry) -> str:
    """One entry's times as a Markdown table."""
    rows = []
    for name, seconds in entry["seconds"].items():
        milliseconds = {key: 1000 * value for key, value in seconds.items()}
        rows.append([f"`{name}`", spread(milliseconds, 0)])
    ratio = f"`{OURS}` takes {number(entry['ratio_of_medians'], 2)} times as long as `{BASE}`."
    return f"{table(('Command', 'Milliseconds, median (range)'), rows)}\n\n{ratio}"


def main() -> None:
    """Measure and print the table."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=15, help="measurements of each command")
    args = parser.parse_args()
    results = Results("startup", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        results.add("help", measure(3 if args.quick else args.rounds))
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
