"""The verdict on several groups together, in one paragraph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ppo_cli.comparison.pairs import PairResult
from ppo_cli.comparison.phrases import (
    corrected,
    listed,
    outlook,
    p_value,
    seed_counts,
    short_names,
    signed_difference,
)
from ppo_cli.comparison.statistics import usable

_MOST_WINNERS = 3  # so many groups are said to be better than others, one clause each
_MOST_OPEN = 2  # so many pairs that cannot be told apart get a clause of their own


def overall_verdict(
    values: Mapping[str, Sequence[float]], pairs: Sequence[PairResult], comparative: str = "better"
) -> str:
    """Say which groups are better, which cannot be told apart, what would settle it, and what is unknown.

    Args:
        values: By group, one value per seed.
        pairs: Every pair of them.
        comparative: What a group with higher values is called.
    """
    tested = {name: own for name, own in values.items() if _why_untested(own) is None}
    if len(tested) < 2:
        return _nothing(values)
    made = [pair for pair in pairs if pair.a in tested and pair.b in tested]
    if len(made) == 1:
        return f"{made[0].verdict}.{_left_out(values)}"
    names = _Names(list(tested))
    clauses = [*_better(made, names, comparative), *_open(made, names)]
    seeds = seed_counts([len(own) for own in tested.values()])
    return f"{'; '.join(clauses)}. {seeds}, Welch's t test{corrected(len(made))}.{_left_out(values)}"


class _Names:
    """Names of groups, of which the one that comes first in the text says what setting it is.

    Args:
        labels: All names.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = labels
        self._short = dict(zip(labels, short_names([labels[0], *labels])[1:], strict=True))
        self._none_said = True

    def __call__(self, label: str) -> str:
        """The name of a group at this place of the text."""
        name = label if self._none_said else self._short[label]
        self._none_said = False
        return name


def _better(pairs: Sequence[PairResult], names: _Names, comparative: str) -> list[str]:
    """A clause for each group that is better than others, the one that beats most of them first."""
    beaten: dict[str, list[tuple[str, PairResult]]] = {}
    for pair in pairs:
        if pair.differs:
            winner, loser = (pair.a, pair.b) if pair.difference > 0 else (pair.b, pair.a)
            beaten.setdefault(winner, []).append((loser, pair))
    ranked = sorted(
        beaten.items(), key=lambda item: (-len(item[1]), min(pair.p_value for _, pair in item[1]))
    )
    clauses = []
    for winner, losers in ranked[:_MOST_WINNERS]:
        name = names(winner)
        if len(losers) == 1:
            ((loser, pair),) = losers
            clauses.append(f"{name} is {comparative} than {names(loser)}: {_numbers(winner, pair)}")
        else:
            beaten_groups = [f"{names(loser)} ({_numbers(winner, pair)})" for loser, pair in losers]
            clauses.append(f"{name} is {comparative} than {listed(beaten_groups)}")
    rest = sum(len(losers) for _, losers in ranked[_MOST_WINNERS:])
    return clauses + ([f"{rest} more pair{'' if rest == 1 else 's'} differ"] if rest else [])


def _open(pairs: Sequence[PairResult], names: _Names) -> list[str]:
    """The clauses of the pairs that cannot be told apart."""
    undecided = sorted((pair for pair in pairs if not pair.differs), key=lambda pair: pair.p_uncorrected)
    if not undecided:
        return []
    if len(undecided) <= _MOST_OPEN and len(undecided) < len(pairs):
        return [
            f"{names(pair.a)} and {names(pair.b)} cannot be told apart "
            f"({outlook(pair.more_seeds, 'a difference of this size')})"
            for pair in undecided
        ]
    if len(undecided) == len(pairs):
        who = listed([names(label) for label in names.labels])
    else:
        who = f"the other {len(undecided)} pairs"
    clearest = f"the clearest pair, {names(undecided[0].a)} and {names(undecided[0].b)}"
    return [f"{who} cannot be told apart ({outlook(undecided[0].more_seeds, clearest)})"]


def _numbers(winner: str, pair: PairResult) -> str:
    result = pair.result if pair.a == winner else pair.result.opposite
    return f"{signed_difference(result)}, {p_value(pair.p_value)}"


def _nothing(values: Mapping[str, Sequence[float]]) -> str:
    """Say that nothing can be said, why, and what to do."""
    if len(values) == 1:
        return f"{next(iter(values))} is the only group: there is nothing to compare it with."
    if {len(own) for own in values.values()} == {1}:
        why = "one seed each, so chance alone could explain any difference"
    else:
        reasons = {name: _why_untested(own) for name, own in values.items()}
        why = listed([f"{name} has {reason}" for name, reason in reasons.items() if reason])
    return f"Nothing can be said: {why}. Train more seeds of each, five or better ten: ppo train --seeds 5."


def _left_out(values: Mapping[str, Sequence[float]]) -> str:
    reasons = {name: _why_untested(own) for name, own in values.items()}
    untested = [f"{name} ({reason})" for name, reason in reasons.items() if reason]
    return f" Nothing can be said about {listed(untested)}." if untested else ""


def _why_untested(values: Sequence[float]) -> str | None:
    if len(values) < 2:
        return "one seed" if len(values) else "no seed that finished"
    return None if usable(values) else "a value that is not a finite number"
