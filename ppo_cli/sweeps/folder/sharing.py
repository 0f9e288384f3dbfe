"""Decide which sweeps may share a folder, and merge two that do.

Values, seeds, trials, pruning and confirmation may differ, because they add runs and change none.
Environments, algorithms and policies may be added where they are swept. Everything else that results depend
on must be equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ppo_cli.config.identity import SEED, differing, result_settings
from ppo_cli.config.problems import value_text
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.values import get_value
from ppo_cli.errors import UsageError
from ppo_cli.sweeps.spec.params import Param
from ppo_cli.sweeps.spec.sweep_spec import OWN_BASE, SweepSpec


def disagreements(here: SweepSpec, there: SweepSpec) -> list[str]:
    """Say why the runs of one sweep cannot stand beside those of another; empty when they can."""
    differences = [
        f"{name} is {mine} here and {theirs} there"
        for name, mine, theirs in (
            ("search", here.search, there.search),
            ("swept", _swept_text(here), _swept_text(there)),
        )
        if mine != theirs
    ]
    own_bases, other_bases = _bases_by_name(here), _bases_by_name(there)
    for name, base in own_bases.items():
        if name in other_bases:
            differences += _differences(
                _fixed_settings(here, base), _fixed_settings(there, other_bases[name]), name
            )
        elif len(here.bases) == len(there.bases) == 1:
            differences.append(f"env_id is {here.base.env_id} here and {there.base.env_id} there")
    if here.base.seed != there.base.seed:
        differences.append(f"the first seed is {here.base.seed} here and {there.base.seed} there")
    return differences


def merge(before: SweepSpec, now: SweepSpec) -> SweepSpec:
    """Merge two sweeps: make one that holds the points and seeds of both.

    Raises:
        UsageError: A search goes over other ranges than before.
    """
    if before.search != "grid" and _texts(before.params) != _texts(now.params):
        raise UsageError(
            f"the search was over {_texts(before.params)} and is over {_texts(now.params)} now",
            hint="a search keeps its ranges: choose another --name, or leave --param as it was",
            key="params",
        )
    requested = {env: spec.requested(env) for spec in (before, now) for env in spec.env_ids}
    bases = {tuple(get_value(base, path) for path in OWN_BASE): base for base in (*before.bases, *now.bases)}
    now = replace(
        now,
        bases=tuple(bases.values()),
        env_requested=",".join(requested.values()),
        num_seeds=max(before.num_seeds, now.num_seeds),
    )
    if before.search != "grid":
        return replace(now, asked=before.asked, trials=max(before.trials or 0, now.trials or 0) or None)
    if now.zipped:
        return replace(now, params=_pairs_of_both(before, now))
    earlier = {param.name: param for param in before.params}
    return replace(now, params=tuple(_values_of_both(earlier[param.name], param) for param in now.params))


def surplus(before: SweepSpec, now: SweepSpec) -> str:
    """Name the points and seeds that a folder holds from before and that are not asked for now."""
    asked = {point.label for point in now.points()}
    more = [point.text for point in before.points() if point.label not in asked]
    shown = ", ".join(more[:4]) + (f" and {len(more) - 4} more" if len(more) > 4 else "")
    seeds = f"{before.num_seeds} seeds" if before.num_seeds > now.num_seeds else ""
    return " and ".join(part for part in (shown, seeds) if part) or "other combinations of values"


def _swept_text(spec: SweepSpec) -> str:
    """Name the swept settings, for a message."""
    return " and ".join(sorted(param.name for param in spec.params))


def _bases_by_name(spec: SweepSpec) -> dict[str, RunConfig]:
    """Name each base by its environment, and by its algorithm and policy where these are swept."""
    swept = {param.path for param in spec.params} | {"env_id"}
    paths = [path for path in OWN_BASE if path in swept]
    return {" ".join(get_value(base, path) for path in paths): base for base in spec.bases}


def _fixed_settings(spec: SweepSpec, base: RunConfig) -> dict[str, Any]:
    """Collect what results depend on of a base's settings, without the swept ones and the seed."""
    swept = {param.path for param in spec.params} | {SEED}
    settings = {path: value for path, value in result_settings(base).items() if path not in swept}
    for path, value in settings.items():
        if isinstance(value, Mapping):
            settings[path] = {name: item for name, item in value.items() if f"{path}.{name}" not in swept}
    return settings


def _differences(here: Mapping[str, Any], there: Mapping[str, Any], name: str) -> list[str]:
    """Describe the settings of the base ``name`` that differ."""
    both = {path: value for path, value in here.items() if path in there}
    return [
        f"{path} of {name} is {value_text(mine)} here and {value_text(theirs)} there"
        for path, (mine, theirs) in differing(both, there).items()
    ]


def _values_of_both(old: Param, new: Param) -> Param:
    """Merge the values of two sweeps of one setting, numbers in order."""
    if old == new:
        return new
    values = list(dict.fromkeys([*old.grid(), *new.grid()]))
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        values.sort()
    return _param_over(new, values)


def _pairs_of_both(before: SweepSpec, now: SweepSpec) -> tuple[Param, ...]:
    """Merge the pairs of values of two zipped sweeps, those from before first."""
    points = {point.label: dict(point.values) for point in [*before.points(), *now.points()]}
    return tuple(
        _param_over(param, [values[param.name] for values in points.values()]) for param in now.params
    )


def _param_over(param: Param, values: Sequence[Any]) -> Param:
    """Make a swept setting of a list of values."""
    return Param(param.path, param.name, tuple(values))


def _texts(params: Sequence[Param]) -> str:
    """Write swept settings with their values, for a message."""
    return ", ".join(param.text for param in params)
