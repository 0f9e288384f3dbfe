"""From a request and its sweep file to one checked ``SweepSpec``: the request wins over the file.

What the request itself says may name modules to import; what a file names needs ``--allow-import``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ppo_cli.config.node import located
from ppo_cli.config.problems import Origin
from ppo_cli.envs.consent import TERMS, agree_to_terms
from ppo_cli.errors import UsageError
from ppo_cli.sweeps.spec.bases import Base, Inputs, bases_of_folder, make_bases
from ppo_cli.sweeps.spec.checks import check_spec
from ppo_cli.sweeps.spec.params import Param, param_of, parse_param
from ppo_cli.sweeps.spec.request import Design, SweepRequest
from ppo_cli.sweeps.spec.sweep_file import SweepFile, read_sweep_file
from ppo_cli.sweeps.spec.sweep_spec import SweepSpec

ARGUMENT = Origin("params")


def make_spec(request: SweepRequest) -> tuple[SweepSpec, tuple[str, ...]]:
    """The sweep that a request and its file ask for, checked.

    What the request leaves out is taken from the file. A swept setting of the request replaces what the file
    has for it.

    Returns:
        The sweep, and what the user should know.

    Raises:
        UsageError: Anything that is wrong with them.
    """
    file = read_sweep_file(request.sweep_file) if request.sweep_file is not None else SweepFile()
    typed = _typed_params(request.params)
    swept = {param.path: param for param in file.params} | typed
    for reference in swept[TERMS].values if TERMS in swept else ():
        agree_to_terms(reference, agreed=request.allow_import or TERMS in typed)
    inputs = Inputs(
        env=request.env,
        env_in_file=file.env if request.env is None and request.config_file is None else None,
        config_file=request.config_file or file.config_file,
        settings=file.settings,
        overrides=request.overrides,
        values=request.values,
        values_label=request.values_label,
        allow_import=request.allow_import,
    )
    if file.bases:
        bases = bases_of_folder(file, inputs, swept)
    else:
        bases = make_bases(inputs, swept, typed="env_id" in typed)
    if "env_id" in swept:
        swept["env_id"] = _with_running_ids(swept["env_id"], bases)
    spec = SweepSpec(
        bases=tuple(base.config for base in bases),
        env_requested=",".join({base.config.env_id: base.requested for base in bases}.values()),
        params=tuple(swept.values()),
        asked=() if request.design.search == "grid" else file.asked,
        **_design(request.design, file.design),
    )
    check_spec(spec)
    return spec, tuple(dict.fromkeys(notice for base in bases for notice in base.notices))


def _design(asked: Design, of_file: Design) -> dict[str, Any]:
    """Take the design from the request, and from the file where the request leaves it open."""
    if asked.search == "grid":
        of_file = replace(of_file, trials=None)  # those of the file's search
    return of_file.given() | asked.given()


def _typed_params(wanted: Sequence[str] | Mapping[str, Any]) -> dict[str, Param]:
    """The swept settings of a request, by path."""
    params: dict[str, Param] = {}
    for param in map(parse_param, wanted) if not isinstance(wanted, Mapping) else map(_param, wanted.items()):
        if param.path in params:
            hint = "give all its values at once: --param eps_clip=0.1,0.2"
            raise UsageError(f"--param: {param.path}: is given twice", hint=hint, key=param.path)
        params[param.path] = param
    return params


def _param(item: tuple[str, Any]) -> Param:
    """A swept setting of a Python program: its name, and its values, a text for them, or None."""
    name, values = item
    is_list = isinstance(values, Iterable) and not isinstance(values, str | Mapping)
    return param_of(name, located(list(values) if is_list else values, ARGUMENT), ARGUMENT)


def _with_running_ids(param: Param, bases: Sequence[Base]) -> Param:
    """The swept environments with the ids that run in place of those that were typed."""
    running = {name: base.config.env_id for base in bases for name in (base.requested, base.config.env_id)}
    ids = [running[str(value)] for value in param.values]
    for env_id in ids:
        if ids.count(env_id) > 1:
            raise UsageError(f"env_id: {env_id} is given twice", hint="keep one of the two", key="env_id")
    return replace(param, values=tuple(ids))
