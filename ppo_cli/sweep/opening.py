"""The folder of a sweep: a new one, or the one that the same words made before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ppo_cli.config.values import get_value
from ppo_cli.errors import UsageError
from ppo_cli.runs.names import check_run_name, numbered
from ppo_cli.sweep.results.sweep_dir import SweepDir, create_sweep_dir
from ppo_cli.sweep.spec.params import Param
from ppo_cli.sweep.spec.spec import OWN_BASE, SweepSpec
from ppo_cli.sweep.spec.spec_file import dump_spec, read_spec

_NAME_LENGTH = 80


def open_sweep(spec: SweepSpec, runs_dir: Path, name: str | None) -> tuple[SweepDir, SweepSpec, list[str]]:
    """Make the folder of a sweep, or find the one that it goes on in. Two processes at once get the same one.

    A folder fits when it holds a sweep of the same settings over the same parameters; new values, seeds and
    trials are added to it.

    Args:
        spec: What is to be swept.
        runs_dir: The directory of all runs and sweeps.
        name: The folder's name; None for the default, with ``-2`` and so on where another sweep has it.

    Returns:
        The folder, what is swept in it, and what the user should know.

    Raises:
        UsageError: The name is taken by something else, or no name.
        StorageError: The folder cannot be made.
        CorruptFileError: Its ``sweep.yaml`` is damaged.
    """
    wanted = check_run_name(name or default_name(spec))
    number = 0
    while True:
        number += 1
        folder = SweepDir(runs_dir / numbered(wanted, number))
        if not folder.spec_path.exists() and _make(folder, spec):
            return folder, spec, []
        difference = _difference(folder, spec)  # of what was there, or was made a moment ago
        if difference is None:
            return _going_on(folder, spec)
        if name is not None:
            raise difference


def default_name(spec: SweepSpec) -> str:
    """The name of a sweep that was given none, as in ``LunarLander-v3-eps_clip``."""
    words = [*([] if len(spec.env_ids) > 1 else [spec.base.env_id]), *(param.name for param in spec.params)]
    words += [] if spec.search == "grid" else [spec.search]
    clean = re.sub(r"[^A-Za-z0-9._+=@-]+", "-", "-".join(words)).lstrip("._+=@-") or "sweep"
    return clean[:_NAME_LENGTH].rstrip(".")


def extended(before: SweepSpec, now: SweepSpec) -> SweepSpec:
    """The sweep that holds what both ask for.

    Raises:
        UsageError: A search goes over other ranges than before.
    """
    if before.search != "grid" and [one.text for one in before.params] != [one.text for one in now.params]:
        raise UsageError(
            f"the search was over {_texts(before.params)} and is over {_texts(now.params)} now",
            hint="a search keeps its ranges: choose another --name, or leave --param as it was",
            key="params",
        )
    requested = {env: one.requested(env) for one in (before, now) for env in one.env_ids}
    bases = {tuple(get_value(base, path) for path in OWN_BASE): base for base in (*before.bases, *now.bases)}
    now = replace(now, bases=tuple(bases.values()), env_requested=",".join(requested.values()))
    trials = max(before.trials or 0, now.trials or 0) or None
    seeds = max(before.num_seeds, now.num_seeds)
    if before.search != "grid":
        return replace(now, asked=before.asked, trials=trials, num_seeds=seeds)
    if now.zipped:
        return replace(now, params=_zipped(before, now), num_seeds=seeds)
    earlier = {param.name: param for param in before.params}
    return replace(now, params=tuple(_union(earlier[one.name], one) for one in now.params), num_seeds=seeds)


def _make(folder: SweepDir, spec: SweepSpec) -> bool:
    """Make a sweep's folder; False when something has its name."""
    spec.check()
    try:
        create_sweep_dir(folder.path.parent, folder.name, exact=True, spec=dump_spec(spec))
    except UsageError:
        return False
    return True


def _difference(folder: SweepDir, spec: SweepSpec) -> UsageError | None:
    """Why the sweep cannot go on in a folder; None when it can."""
    if not folder.spec_path.exists():
        return UsageError(f"{folder.path} exists and is no sweep", hint="choose another --name")
    before = read_spec(folder.spec_path)
    differences = before.disagreements(spec)
    if before.base.seed != spec.base.seed:
        differences.append(f"the first seed is {before.base.seed} here and {spec.base.seed} there")
    if not differences:
        return None
    return UsageError(
        f"{folder.path} holds another sweep: {differences[0]}",
        hint=f"choose another --name; what it holds stands in {folder.spec_path}",
        file=folder.spec_path,
    )


def _going_on(folder: SweepDir, spec: SweepSpec) -> tuple[SweepDir, SweepSpec, list[str]]:
    """What is swept in a folder that holds this sweep or a part of it, and what the user should know."""
    before = read_spec(folder.spec_path)
    merged = extended(before, spec)
    merged.check()
    notices = [f"{folder.name} is there: what it holds is not trained again"]
    if len(merged.points()) * merged.num_seeds > len(spec.points()) * spec.num_seeds:
        notices.append(f"it also holds {_beyond(before, spec)}")
    return folder, merged, notices


def _union(old: Param, new: Param) -> Param:
    """The values of both, numbers in order."""
    if old == new:
        return new
    values = list(dict.fromkeys([*old.grid(), *new.grid()]))
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        values.sort()
    return replace(new, values=tuple(values), low=None, high=None, log=False, count=None)


def _zipped(before: SweepSpec, now: SweepSpec) -> tuple[Param, ...]:
    """The pairs of both, those from before first."""
    points = {point.label: dict(point.values) for point in [*before.points(), *now.points()]}
    return tuple(
        replace(
            param,
            values=tuple(values[param.name] for values in points.values()),
            low=None,
            high=None,
            log=False,
            count=None,
        )
        for param in now.params
    )


def _beyond(before: SweepSpec, now: SweepSpec) -> str:
    """What the folder holds that was not asked for now, in words."""
    asked = {point.label for point in now.points()}
    more = [point.text for point in before.points() if point.label not in asked]
    shown = ", ".join(more[:4]) + (f" and {len(more) - 4} more" if len(more) > 4 else "")
    seeds = f"{before.num_seeds} seeds" if before.num_seeds > now.num_seeds else ""
    return " and ".join(part for part in (shown, seeds) if part) or "other combinations of values"


def _texts(params: Sequence[Param]) -> str:
    return ", ".join(param.text for param in params)
