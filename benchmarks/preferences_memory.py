"""A reward that remembers against one that does not: transformer and MLP on two questions about CartPole.

Episodes end after 50 steps, and a clip is a whole episode. *How long upright* counts the steps in which the
pole is tilted by less than 0.03 radians, wherever they are: each step says it by itself. *How long before
the first tilt* counts those before it was ever tilted by more, and what comes after a tilt is worth
nothing: only the past says it. For each seed anew, a run of 20,000 steps and an untrained agent play, a
teacher without flaws answers both questions about the same 300 pairs, and each network is fitted with the
same settings of the fit. Reported are accuracy on 300 pairs of other episodes, that on the larger half of
gaps, and seconds of a fit. No policy was trained with them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from _preferences import asked_alike, fitted, in_processes, interval, percent, young_run
from common import Entry, Results, arguments, machine, number, report, table

ENV = "CartPole-v1"
LENGTH = 50
PAIRS = 300
QUESTIONS = {
    "how long upright": "_never_tilted:upright",
    "how long before the first tilt": "_never_tilted:never_tilted",
}
FIT = ("weight_decay=1",)
NETWORKS = {
    "MLP": (*FIT, "network=mlp"),
    "transformer": (*FIT, "network=transformer"),
}


def measure(seeds: Sequence[int], young_steps: int, pairs: int) -> Entry:
    """All fits for some seeds; the entry of the results file."""
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        by_seed = in_processes(fits_of, [(seed, runs, young_steps, pairs) for seed in seeds])
    fits = {
        question: {network: [own[question][network] for own in by_seed] for network in NETWORKS}
        for question in QUESTIONS
    }
    return {"env_id": ENV, "pairs": pairs, "length": LENGTH, "seeds": seeds, "fits": fits}


def fits_of(seed: int, runs: Path, young_steps: int, pairs: int) -> dict[str, dict[str, Any]]:
    """A seed's fits, by question and network."""
    young = young_run(ENV, seed, runs, young_steps, env_kwargs={"max_episode_steps": LENGTH})
    sets, tests = {}, {}
    for place, reward in enumerate(QUESTIONS.values()):
        words = [f"length={LENGTH}", f"reward={reward}", "repeat=0"]
        sets[f"set{place}-{seed}"], tests[f"test{place}-{seed}"] = words, words
    asked_alike(runs, sets, [young], seed, pairs)
    asked_alike(runs, tests, [young], seed + 1000, pairs)
    return {
        question: {network: fitted(runs, name, seed, words, [test]) for network, words in NETWORKS.items()}
        for question, name, test in zip(QUESTIONS, sets, tests, strict=True)
    }


def text(entries: Mapping[str, Entry]) -> str:
    """The table, as Markdown."""
    if ENV not in entries:
        return ""
    rows = []
    for question, by_network in entries[ENV]["fits"].items():
        for network, fits in by_network.items():
            accuracy = [100 * fit["accuracy"] for fit in fits]
            seconds = number(sum(fit["seconds"] for fit in fits) / len(fits), 1)
            larger = percent([fit["larger_half"] for fit in fits])
            own = percent([fit["accuracy"] for fit in fits])
            rows.append((question, network, own, interval(accuracy, 1), larger, seconds))
    accuracy_of = ("Pairs foretold", "95 % interval over seeds", "Larger half")
    return table(("Question", "Network", *accuracy_of, "Seconds of a fit"), rows)


def main() -> None:
    """Measure and print the table."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    args = parser.parse_args()
    results = Results("preferences_memory", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        seeds, *sizes = ([1, 2], 2048, 16) if args.quick else ([1, 2, 3, 4, 5], 20_000, PAIRS)
        results.add(ENV, measure(seeds, *sizes))
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
