"""The meaning of a word of ``ppo compare``: a run, a sweep, a point of one, a series of seeds, or a glob."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from ppo_cli.errors import UsageError
from ppo_cli.runs.folders import RUN, SWEEP, find_folder, list_folders
from ppo_cli.runs.run_dir import RunDir, find_run, list_runs

_SEED = re.compile(r"(?P<series>.+)-s(?P<seed>\d+)")
_LATER = re.compile(r"(?P<series>.+)-s\d+-\d+")
_GLOB = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Meaning:
    """The runs that a word, or a point of a sweep that it means, stands for.

    Attributes:
        word: The word.
        label: Its own name.
        runs: Its runs.
        sweep: The sweep that it is a point of, or None.
        name: The name that the user gave it, or None.
        notes: As of a group.
    """

    word: str
    label: str
    runs: tuple[RunDir, ...]
    sweep: str | None = None
    name: str | None = None
    notes: tuple[str, ...] = ()


def meanings(runs_dir: Path, word: str) -> list[Meaning]:
    """Find out what a word stands for, a name in front of it included; the points of a sweep one by one.

    Args:
        runs_dir: The directory of all runs and sweeps.
        word: What the user typed.

    Raises:
        UsageError: It means nothing.
        CorruptFileError: A folder is a symbolic link.
    """
    if unnamed := _unnamed(runs_dir, word):
        return unnamed
    name, equals, rest = word.partition("=")
    if not (equals and name.strip() and rest) or any(sign in name for sign in "/\\"):
        raise _nothing(runs_dir, word)
    unnamed = _unnamed(runs_dir, rest)
    if not unnamed:
        raise _nothing(runs_dir, rest, word)
    single = len(unnamed) == 1
    return [replace(item, name=name if single else f"{name}/{item.label}") for item in unnamed]


def _unnamed(runs_dir: Path, word: str) -> list[Meaning]:
    """Find out what a word without a name stands for; nothing when it means nothing."""
    if not word or "\0" in word:
        return []
    tries = (_run, _sweep, _point, _series, _matches)
    return next((meant for attempt in tries if (meant := attempt(runs_dir, word))), [])


def _run(runs_dir: Path, word: str) -> list[Meaning]:
    try:
        run = find_run(runs_dir, word)
    except UsageError:
        return []
    return [Meaning(word, run.name, (run,))]


def _sweep(runs_dir: Path, word: str) -> list[Meaning]:
    """The points of a sweep, in the order of their numbers."""
    path = _sweep_folder(runs_dir, word)
    if path is None:
        return []
    if path.name != Path(word).name and any(run.name.startswith(word) for run in list_runs(runs_dir)):
        return []  # the beginning of runs too
    points = _all_series(path)
    if not points:
        raise UsageError(f"the sweep {path.name} has no runs yet", hint=f"ppo sweep --resume {path.name}")
    return [Meaning(word, label, runs, sweep=path.name) for label, runs in points.items()]


def _point(runs_dir: Path, word: str) -> list[Meaning]:
    sweep, slash, label = word.rpartition("/")
    path = _sweep_folder(runs_dir, sweep) if slash and label and not _GLOB.search(word) else None
    if path is None:
        return []
    points = _all_series(path)
    if label not in points:
        near = get_close_matches(label, points, n=3, cutoff=0.4) or list(points)[:4]
        hint = f"did you mean {' or '.join(near)}?" if near else f"ppo sweep --resume {path.name}"
        raise UsageError(f"the sweep {path.name} has no point {label[:100]!r}", hint=hint)
    return [Meaning(word, label, points[label], sweep=path.name)]


def _series(runs_dir: Path, word: str) -> list[Meaning]:
    """The runs ``word-s1``, ``word-s2`` and so on."""
    for folder in _places(runs_dir, word):
        name = Path(word).name
        runs = _all_series(folder).get(name)
        if runs:
            later = [run.name for run in list_runs(folder) if _is_later(run.name, name)]
            return [Meaning(word, name, runs, notes=_later_note(name, later))]
    return []


def _matches(runs_dir: Path, word: str) -> list[Meaning]:
    """The run folders that a glob matches, below the runs directory or, if it is a path, where it says."""
    if not _GLOB.search(word):
        return []
    patterns = [str(Path(glob.escape(str(runs_dir))) / word)]
    if "/" in word or "\\" in word:
        patterns.insert(0, word)
    for pattern in patterns:
        paths = [Path(path) for path in sorted(glob.glob(pattern), key=_in_order)]
        runs = tuple(RunDir(path) for path in paths if _is_run(path))
        if runs:
            return [Meaning(word, word, runs)]
        sweeps = [path.name for path in paths if os.path.lexists(path / SWEEP.marker)]
        if sweeps:
            raise UsageError(
                f"{word!r} matches no run, but the sweep {sweeps[0]}",
                hint=f"give the sweep itself: {sweeps[0]}",
            )
    return []


def _sweep_folder(runs_dir: Path, word: str) -> Path | None:
    try:
        return find_folder(SWEEP, runs_dir, word)
    except UsageError:
        return None


def _all_series(folder: Path) -> dict[str, tuple[RunDir, ...]]:
    """The runs of a folder by what comes before the seed in their names."""
    series_runs: dict[str, list[tuple[int, RunDir]]] = {}
    for run in sorted(list_runs(folder), key=lambda run: _in_order(run.name)):
        if match := _SEED.fullmatch(run.name):
            series_runs.setdefault(match["series"], []).append((int(match["seed"]), run))
    return {
        series: tuple(run for _, run in sorted(runs, key=lambda item: item[0]))
        for series, runs in series_runs.items()
    }


def _places(runs_dir: Path, word: str) -> list[Path]:
    """The folders in which the runs of a series may lie."""
    parent = Path(word).parent
    return [runs_dir] if parent == Path() else [parent, runs_dir / parent]


def _is_run(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and os.path.lexists(path / RUN.marker)


def _is_later(name: str, series: str) -> bool:
    match = _LATER.fullmatch(name)
    return match is not None and match["series"] == series


def _later_note(name: str, later: Sequence[str]) -> tuple[str, ...]:
    if not later:
        return ()
    return (f"{name}: {_some(later)} {'is' if len(later) == 1 else 'are'} not among its runs: made later",)


def _nothing(runs_dir: Path, word: str, whole: str | None = None) -> UsageError:
    """The error for a word that means nothing."""
    shown = word[:100]
    names = _all_names(runs_dir)
    if not names:
        return UsageError(f"no runs {shown!r}: {runs_dir} holds none", hint="make some with `ppo train`")
    several = [name for name in names if name.startswith(word)]
    if several and word:
        series = [name for name in several if name in _all_series(runs_dir)]
        hint = f"did you mean {series[0]}?" if len(series) == 1 else f"all of its runs: '{shown}*'"
        return UsageError(f"{shown!r} is the beginning of several: {_some(several)}", hint=hint)
    near = get_close_matches(whole or word, names, n=3, cutoff=0.5)
    near = near or get_close_matches(word, names, n=3, cutoff=0.5)
    near = near or [name for name in names if name.endswith(f"/{whole or word}")]
    hint = f"did you mean {' or '.join(near[:3])}?" if near else f"there are {_some(names)}"
    if _GLOB.search(word):
        return UsageError(f"{shown!r} matches no run folder in {runs_dir}", hint=hint)
    return UsageError(f"no run, sweep or series of seeds {shown!r} in {runs_dir}", hint=hint)


def _all_names(runs_dir: Path) -> list[str]:
    """All that can be compared: series, runs, sweeps and their points."""
    sweeps = list_folders(SWEEP, runs_dir)
    names = [*_all_series(runs_dir), *(run.name for run in list_runs(runs_dir))]
    names += [path.name for path in sweeps]
    return names + [f"{path.name}/{label}" for path in sweeps for label in _all_series(path)]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _in_order(text: str) -> list[tuple[int, float, str]]:
    """A key that sorts ``s2`` before ``s10``, and ``0.05`` before ``0.1``."""
    parts = re.split(r"(\d+(?:\.\d+)?(?:e-?\d+)?)", text)
    return [(0, float(part), "") if place % 2 else (1, 0.0, part) for place, part in enumerate(parts)]
