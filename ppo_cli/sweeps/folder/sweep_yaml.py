"""The ``sweep.yaml`` of a sweep folder: a whole sweep written as text, and read back."""

from __future__ import annotations

from pathlib import Path

from ppo_cli.config.assignments import build, from_tree
from ppo_cli.config.dump import dump_config, yaml_text
from ppo_cli.config.problems import Origin, Problem, printable, refuse
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.values import get_value
from ppo_cli.sweeps.spec.params import Param, value_as_text
from ppo_cli.sweeps.spec.points import Point
from ppo_cli.sweeps.spec.sweep_file import read_sweep_file
from ppo_cli.sweeps.spec.sweep_spec import OWN_BASE, SweepSpec

_HEADER = """\
# A sweep: which settings it varies, and what holds for all of its runs. Every setting is written out, so that
# a later version of ppo trains the same.
"""


def read_spec(path: Path) -> SweepSpec:
    """The sweep of a sweep folder's ``sweep.yaml``. Nothing is imported, and no tuned settings are read.

    Args:
        path: The file. One that a person wrote is for :func:`~ppo_cli.sweeps.spec.make_spec.make_spec`.

    Raises:
        UsageError: The file cannot be read or is wrong.
    """
    file = read_sweep_file(path)
    bases = tuple(build({}, from_tree(node)) for node in file.bases)
    place = Origin(printable(str(path)), str(path))
    if not bases:
        refuse([Problem(place, "bases", "missing; this is no file of a sweep folder", f"ppo sweep {path}")])
    swept = [param for param in file.params if param.path in OWN_BASE]
    combinations = [tuple(get_value(base, param.path) for param in swept) for base in bases]
    values = [set(column) for column in zip(*combinations, strict=True)]
    if len(set(combinations)) < len(combinations) or values != [set(param.values) for param in swept]:
        names = " and ".join(param.name for param in swept) or "settings"
        refuse([Problem(place, "bases", f"not one for each of the {names} that are swept")])
    requested, env_ids = file.env or "", list(dict.fromkeys(base.env_id for base in bases))
    return SweepSpec(
        bases=bases,
        env_requested=requested if len(requested.split(",")) == len(env_ids) else ",".join(env_ids),
        params=file.params,
        asked=file.asked,
        **file.design.given(),
    )


def dump_spec(spec: SweepSpec) -> str:
    """A sweep as the text of a folder's ``sweep.yaml``; :func:`read_spec` of it gives an equal one."""
    lines = [_HEADER.rstrip(), f"env: {yaml_text(spec.env_requested)}", "params:"]
    lines += [f"  {param.name}: {_values_yaml(param)}" for param in spec.params]
    lines += [f"zip: {yaml_text(spec.zipped)}", f"seeds: {spec.num_seeds}", f"search: {spec.search}"]
    lines += [f"trials: {spec.trials}"] if spec.trials is not None else []
    lines += [f"prune: {yaml_text(spec.prune)}", f"confirm: {spec.confirm}", "bases:"]
    for base in spec.bases:
        lines += _list_item(base)
    lines += ["points:"] if spec.asked else []
    lines += [f"  - {yaml_text(_point_text(point))}" for point in spec.asked]
    return "\n".join(lines) + "\n"


def _values_yaml(param: Param) -> str:
    return yaml_text(param.values_text) if param.is_range else yaml_text(param.values)


def _list_item(base: RunConfig) -> list[str]:
    """All settings of a base as one item of a YAML list."""
    lines = [line for line in dump_config(base).splitlines() if line]
    return [f"  - {lines[0]}", *(f"    {line}" for line in lines[1:])]


def _point_text(point: Point) -> str:
    """A point on one line, ``eps_clip=0.1, hidden_sizes=64x64``: short, as a search may draw thousands."""
    return ", ".join(f"{name}={value_as_text(value)}" for name, value in point.values)
