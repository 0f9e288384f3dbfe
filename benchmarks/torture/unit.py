"""Units of work, and what they come to."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias


@dataclass
class Landed:
    """What a unit came to.

    Attributes:
        count: Faults that landed: the process lived when it was killed, the operation was reached.
        failures: A line for each that broke the promise; it begins with what repeats it.
        measured: Numbers worth keeping, by name.
    """

    count: int = 0
    failures: list[str] = field(default_factory=list)
    measured: dict[str, Any] = field(default_factory=dict)


Units: TypeAlias = Iterable[tuple[str, int]]  # the case, and a seed
"""The units of a class, in the order to do them."""


@dataclass(frozen=True)
class Work:
    """What there is to do of a class of faults.

    Attributes:
        units: The units; told whether a small sample is enough.
        run: Do a unit: its case, its seed, an empty folder to do it in. What it raises is a failure of it.
    """

    units: Callable[[bool], Units]
    run: Callable[[str, int, Path], Landed]


def seed_by_seed(cases: Iterable[str], count: int) -> Callable[[bool], Units]:
    """Units of ``count`` seeds from 1: all cases with each seed in turn. A small sample is the first seed."""
    names = tuple(cases)
    return lambda quick: ((case, seed) for seed in range(1, 2 if quick else count + 1) for case in names)


def case_by_case(counts: Mapping[str, int]) -> Callable[[bool], Units]:
    """Units of as many seeds from 1 as each case has: case after case. A small sample is each one's first."""
    return lambda quick: (
        (case, seed) for case, count in counts.items() for seed in range(1, 2 if quick else count + 1)
    )


def checked(landed: Landed, what: str, check: Callable[[], object]) -> None:
    """Count a fault, and keep what its check says against it.

    Args:
        landed: Where to count.
        what: What repeats it.
        check: Raises, whatever it is, when the promise is broken.
    """
    landed.count += 1
    if landed.count == 1:
        gc.freeze()  # by now all is imported: a training looks for garbage before it begins
    try:
        check()
    except Exception as error:
        landed.failures.append(f"{what}: {type(error).__name__}: {error}"[:600])
