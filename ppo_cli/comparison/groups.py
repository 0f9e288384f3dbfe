"""Groups of runs, from the words that a user types: runs, sweeps and their points, series of seeds, globs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ppo_cli.comparison.words import Meaning, meanings
from ppo_cli.errors import UsageError
from ppo_cli.runs.run_dir import RunDir


@dataclass(frozen=True)
class Group:
    """Runs that differ in nothing but their seeds, if the user chose well.

    Attributes:
        name: What it is called; no two groups of a comparison have the same name.
        runs: Its runs, one per seed.
        notes: What a user should know about how they were found.
    """

    name: str
    runs: tuple[RunDir, ...]
    notes: tuple[str, ...] = ()


def find_groups(runs_dir: Path, words: Sequence[str]) -> list[Group]:
    """The groups that a user means.

    A word is tried in this order: a run, which is a group of one; a sweep, whose points are the groups; a
    point of a sweep, ``SWEEP/eps_clip=0.2``; what the names of the runs of one ``ppo train --seeds`` begin
    with; a glob of run folders; and ``name=`` before any of these. A name that is given twice joins what it
    stands for. The held-out runs of a sweep belong to none of its points.

    Args:
        runs_dir: The directory of all runs and sweeps.
        words: What the user typed.

    Raises:
        UsageError: A word means nothing, two groups have one name, or a run is in two groups.
        CorruptFileError: A folder is a symbolic link.
    """
    meant = [item for word in words for item in meanings(runs_dir, word)]
    sweeps = {item.sweep for item in meant if item.sweep and item.name is None}
    groups: dict[str, list[Meaning]] = {}
    for item in meant:
        name = item.name or (f"{item.sweep}/{item.label}" if item.sweep and len(sweeps) > 1 else item.label)
        groups.setdefault(name, []).append(item)
    _refuse_one_name_for_two(groups)
    joined = [_joined(name, items) for name, items in groups.items()]
    _refuse_overlap(joined)
    return joined


def _joined(name: str, items: Sequence[Meaning]) -> Group:
    """Join all that a name stands for into one group, every run once."""
    runs: dict[str, RunDir] = {}
    notes = [note for item in items for note in item.notes]
    for run in (run for item in items for run in item.runs):
        if os.path.realpath(run.path) in runs:
            notes.append(f"{name}: {run.name} is given twice and counts once")
        runs.setdefault(os.path.realpath(run.path), run)
    return Group(name, tuple(runs.values()), tuple(notes))


def _refuse_one_name_for_two(groups: dict[str, list[Meaning]]) -> None:
    for name, items in groups.items():
        if len(items) == 1 or all(item.name for item in items):
            continue
        first, second = (_paths(item.runs) for item in items[:2])
        if first == second:
            raise UsageError(f"{name} is given twice", hint="give each group once")
        raise UsageError(f"two groups are called {name}", hint="name them: a=... b=...")


def _refuse_overlap(groups: Sequence[Group]) -> None:
    owner: dict[str, Group] = {}
    for group in groups:
        for path, run in zip(_paths(group.runs), group.runs, strict=True):
            other = owner.setdefault(path, group)
            if other is group:
                continue
            if set(_paths(other.runs)) == set(_paths(group.runs)):
                raise UsageError(
                    f"{other.name} and {group.name} are the same runs", hint="give each group once"
                )
            raise UsageError(
                f"the run {run.name} is in two groups: {other.name} and {group.name}",
                hint="groups that are compared share no run",
            )


def _paths(runs: Iterable[RunDir]) -> list[str]:
    return [os.path.realpath(run.path) for run in runs]
