"""Processor cores and memory, dealt to the jobs of a sweep that are under way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from ppo_cli.memory import free_memory
from ppo_cli.sweeps.work.machine import usable_cores

_T = TypeVar("_T")
_GB = 2**30

MAX_MEMBERS = 64
"""The most members of one population: beyond it a member costs no less time (docs/results/speed.md)."""

CoreSet = tuple[int, ...]
"""Processor cores of one job; empty where it is not pinned."""


@dataclass(frozen=True)
class Resources:
    """Cores and memory that a sweep may use.

    Attributes:
        core_sets: The cores of each job that is under way, one entry per slot.
        max_members: The most members of a population.
        max_bytes: The most memory of a population, by estimate.
    """

    core_sets: tuple[CoreSet, ...]
    max_members: int = MAX_MEMBERS
    max_bytes: int = 2**62

    @property
    def slots(self) -> int:
        """The number of jobs that are trained side by side."""
        return len(self.core_sets)

    def for_jobs(self, count: int) -> list[CoreSet]:
        """The cores of each of ``count`` jobs: with fewer jobs than slots, each gets those of several.

        >>> Resources(core_sets=((0,), (1,), (2,), (3,))).for_jobs(2)
        [(0, 1), (2, 3)]
        """
        return [sum(part, ()) for part in parts(self.core_sets, count)]


def deal(slots: int, *, pinned: bool, max_members: int | None, max_memory: float | None) -> Resources:
    """Deal this machine's cores and memory to slots.

    Args:
        slots: Jobs that are under way at once.
        pinned: Whether each is to have cores of its own.
        max_members: The most members of a population; None for the default.
        max_memory: Gigabytes for all populations together; None for half of what is free.
    """
    core_sets = deal_cores(usable_cores(), slots) if pinned else ((),) * slots
    total = max_memory * _GB if max_memory else free_memory() / 2
    return Resources(core_sets, max_members or MAX_MEMBERS, int(total / slots))


def deal_cores(cores: Sequence[int], slots: int) -> tuple[CoreSet, ...]:
    """Deal cores to slots evenly; slots that are more than the cores are not pinned.

    >>> deal_cores([0, 1, 2, 3, 4], 2), deal_cores([0], 2)
    (((0, 1), (2, 3, 4)), ((), ()))
    """
    if slots > len(cores):
        return ((),) * slots
    return tuple(map(tuple, parts(cores, slots)))


def parts(items: Sequence[_T], count: int) -> list[Sequence[_T]]:
    """The items in ``count`` parts that are as equal as can be; in fewer where there are not so many.

    >>> parts("abcde", 2)
    ['ab', 'cde']
    """
    count = min(count, len(items))
    return [items[len(items) * i // count : len(items) * (i + 1) // count] for i in range(count)]
