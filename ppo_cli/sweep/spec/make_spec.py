"""From options and a sweep file to one checked sweep: the options win over the file.

What is typed on the command line may name modules to import; what a file names needs ``--allow-import``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ppo_cli.envs.consent import TERMS, agree_to_terms
from ppo_cli.errors import UsageError
from ppo_cli.sweep.spec.bases import Base, Inputs, bases_of_folder, make_bases
from ppo_cli.sweep.spec.params import Param, parse_param
from ppo_cli.sweep.spec.spec import Search, SweepSpec
from ppo_cli.sweep.spec.sweep_file import SweepFile, read_sweep_file


def make_spec(
    *,
    env: str | None = None,
    config_file: Path | None = None,
    overrides: Sequence[str] = (),
    values: Mapping[str, Any] | None = None,
    params: Sequence[str] = (),
    zipped: bool | None = None,
    num_seeds: int | None = None,
    search: Search | None = None,
    trials: int | None = None,
    prune: bool | None = None,
    confirm: int | None = None,
    allow_import: bool = False,
    sweep_file: Path | None = None,
) -> tuple[SweepSpec, tuple[str, ...]]:
    """The sweep that options and a file ask for, checked.

    An option that is None leaves it to the file. A text of ``params`` replaces what the file has for it.

    Args:
        env: ``--env``.
        config_file: ``--config``.
        overrides: ``--set``, each ``name=value``.
        values: Settings with options of their own, by name; ``seed`` is the first seed.
        params: ``--param``, each ``NAME``, ``NAME=v1,v2`` or ``NAME=lo..hi[:log][:count]``.
        zipped: ``--zip``.
        num_seeds: ``--seeds``.
        search: ``--search``.
        trials: ``--trials``.
        prune: ``--prune``.
        confirm: ``--confirm``.
        allow_import: ``--allow-import``.
        sweep_file: A file that a person wrote, or the ``sweep.yaml`` of a sweep folder.

    Returns:
        The sweep, and what the user should know, for stderr.

    Raises:
        UsageError: Anything that is wrong with them.
    """
    file = read_sweep_file(sweep_file) if sweep_file is not None else SweepFile()
    typed = _typed_params(params)
    swept = {param.path: param for param in file.params} | typed
    for reference in swept[TERMS].values if TERMS in swept else ():
        agree_to_terms(reference, agreed=allow_import or TERMS in typed)
    inputs = Inputs(
        env=env,
        env_in_file=file.env if env is None and config_file is None else None,
        config_file=config_file or file.config_file,
        settings=file.settings,
        overrides=overrides,
        values=dict(values or {}),
        allow_import=allow_import,
    )
    if file.bases:
        bases = bases_of_folder(file, inputs, swept)
    else:
        bases = make_bases(inputs, swept, typed="env_id" in typed)
    if "env_id" in swept:
        swept["env_id"] = _with_running_ids(swept["env_id"], bases)
    options = {
        "zipped": zipped,
        "num_seeds": num_seeds,
        "search": search,
        "trials": trials,
        "prune": prune,
        "confirm": confirm,
    }
    if search == "grid":
        file = replace(file, trials=None, asked=())  # those of the file's search
    spec = SweepSpec(
        bases=tuple(base.config for base in bases),
        env_requested=",".join({base.config.env_id: base.requested for base in bases}.values()),
        params=tuple(swept.values()),
        asked=file.asked,
        **{**file.given(), **{name: value for name, value in options.items() if value is not None}},
    )
    spec.check()
    return spec, tuple(dict.fromkeys(notice for base in bases for notice in base.notices))


def _typed_params(texts: Sequence[str]) -> dict[str, Param]:
    """The settings of ``--param``, by path."""
    params: dict[str, Param] = {}
    for text in texts:
        param = parse_param(text)
        if param.path in params:
            hint = "give all its values at once: --param eps_clip=0.1,0.2"
            raise UsageError(f"--param: {param.path}: is given twice", hint=hint, key=param.path)
        params[param.path] = param
    return params


def _with_running_ids(param: Param, bases: Sequence[Base]) -> Param:
    """The swept environments with the ids that run in place of those that were typed."""
    running = {name: base.config.env_id for base in bases for name in (base.requested, base.config.env_id)}
    ids = [running[str(value)] for value in param.values]
    for env_id in ids:
        if ids.count(env_id) > 1:
            raise UsageError(f"env_id: {env_id} is given twice", hint="keep one of the two", key="env_id")
    return replace(param, values=tuple(ids))
