"""How much each setting of a study matters, alone and together with another: an analysis of variance.

Every complete run is one observation, so that seeds are what effects are held against. A setting's main
effect is what it explains beyond all other settings; an interaction is what two of them explain together
beyond all main effects (type II sums of squares; Langsrud 2003, "ANOVA for unbalanced data"). On a full grid
the shares of all effects and of the seeds add up to one.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppo_cli.comparison.significance import f_test, holm
from ppo_cli.comparison.verdict import ALPHA

Array = NDArray[np.float64]

FEWEST_RUNS = 8
MOST_SETTINGS = 6
_MOST_LEVELS = 5
"""Of more numbers than these a setting is cut into thirds, as many runs in each."""


@dataclass(frozen=True)
class Effect:
    """What a setting, or two settings together, do to the return.

    Attributes:
        names: The setting, or both.
        share: Of the variance between runs, 0 to 1.
        p_value: How likely chance alone gives as much: F test, corrected for all effects (Holm).
    """

    names: tuple[str, ...]
    share: float
    p_value: float

    @property
    def text(self) -> str:
        """Its name."""
        return " × ".join(self.names)

    def to_json(self) -> dict[str, Any]:
        """The effect's document."""
        return {"of": list(self.names), "share": self.share, "p_value": self.p_value}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Effect:
        """The effect that :meth:`to_json` described."""
        return cls(tuple(document["of"]), document["share"], document["p_value"])


def effects(settings: Mapping[str, Sequence[Any]], returns: Sequence[float]) -> list[Effect]:
    """The effects of settings, the largest first.

    Args:
        settings: The values that each run has, by setting.
        returns: What each run came to.

    Returns:
        Nothing for fewer than two settings that vary on their own, or fewer than ``FEWEST_RUNS`` runs.
    """
    values = np.array(returns, dtype=float)
    varied = {name: own for name, own in settings.items() if len(set(map(repr, own))) > 1}
    if not 2 <= len(varied) <= MOST_SETTINGS or len(values) < FEWEST_RUNS or np.ptp(values) == 0:
        return []
    mains: dict[tuple[str, ...], Array] = {(name,): _coded(own) for name, own in varied.items()}
    pairs: dict[tuple[str, ...], Array] = {
        (*a, *b): _products(mains[a], mains[b]) for a, b in itertools.combinations(mains, 2)
    }
    found = _tested(values, mains, pairs)
    if sum(len(effect.names) == 1 for effect in found) < 2:
        return []
    corrected = holm([effect.p_value for effect in found])
    adjusted = [replace(effect, p_value=p) for effect, p in zip(found, corrected, strict=True)]
    return sorted(adjusted, key=lambda effect: -effect.share)


def effects_sentence(found: Sequence[Effect]) -> str:
    """What matters, in words; nothing where there are no effects."""
    if not found:
        return ""
    sure = [effect for effect in found if effect.p_value < ALPHA]
    if not sure:
        return "What matters: no setting explains more of the variance between runs than chance would."
    listed = ", ".join(f"{effect.text} {effect.share:.0%}" for effect in sure)
    rest = max(0.0, 1 - sum(effect.share for effect in sure))
    text = f"What matters, of the variance between runs: {listed}; {rest:.0%} is left to seeds and the rest."
    others = ", ".join(effect.text for effect in found if effect not in sure)
    return f"{text} Chance would explain as much as {others}." if others else text


def _tested(
    returns: Array, mains: Mapping[tuple[str, ...], Array], pairs: Mapping[tuple[str, ...], Array]
) -> list[Effect]:
    """Every effect that can be told apart, with its share and its test against what seeds do."""
    additive = _residual(returns, [*mains.values()])
    left, whole_rank = _residual(returns, [*mains.values(), *pairs.values()])
    if len(returns) - whole_rank < 1:  # there are no seeds to hold interactions against
        pairs, (left, whole_rank) = {}, additive
    steps = {
        names: (_residual(returns, [other for name, other in mains.items() if name != names]), additive)
        for names in mains
    }
    steps |= {
        names: (additive, _residual(returns, [*mains.values(), products]))
        for names, products in pairs.items()
    }
    total, free = float(((returns - returns.mean()) ** 2).sum()), len(returns) - whole_rank
    found = []
    for names, ((without, fewer), (with_it, more)) in steps.items():
        explained, degrees = without - with_it, more - fewer
        if degrees > 0:
            p_value = f_test(explained / degrees, left / max(free, 1), degrees, free)
            found.append(Effect(names, min(max(explained / total, 0.0), 1.0), p_value))
    return found


def _residual(returns: Array, columns: Sequence[Array]) -> tuple[float, int]:
    """The sum of squares that a mean and these columns leave, and their rank."""
    design = np.column_stack([np.ones(len(returns)), *columns])
    solution, _, rank, _ = np.linalg.lstsq(design, returns, rcond=None)
    return float(((returns - design @ solution) ** 2).sum()), int(rank)


def _coded(values: Sequence[Any]) -> Array:  # [runs, levels - 1]
    """The levels of a setting as columns of zeros and ones, without the first level."""
    levels = np.array(_levels(values))
    columns: Array = (levels[:, None] == np.arange(1, levels.max() + 1)).astype(np.float64)
    return columns


def _levels(values: Sequence[Any]) -> list[int]:
    """The number of each value's level: values as they are, or the thirds of many numbers."""
    distinct = list(dict.fromkeys(map(repr, values)))
    are_numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if len(distinct) <= _MOST_LEVELS or not are_numbers:
        return [distinct.index(repr(value)) for value in values]
    low, high = np.quantile(np.array(values, dtype=float), [1 / 3, 2 / 3])
    return [int(value > low) + int(value > high) for value in values]


def _products(one: Array, other: Array) -> Array:
    """The products of the columns of two settings."""
    return np.column_stack([a * b for a in one.T for b in other.T])
