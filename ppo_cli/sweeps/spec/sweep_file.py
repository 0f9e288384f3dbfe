"""Sweep files: reading what a person wrote, or the ``sweep.yaml`` of a sweep folder.

A person's file names an environment, whose tuned settings hold, or another file, and what is different::

    env: LunarLander-v3
    settings: {total_timesteps: 500_000}
    params:
      eps_clip: [0.1, 0.2]
      learning_rate: 1e-4..1e-2:log:5
      gamma: null                          # its standard grid
    seeds: 5

In place of ``env`` and ``settings`` the file of a sweep folder has ``bases``, every setting written out, so
that it means the same in a later version; and of a search, the points that it drew. Reading imports nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn, cast, get_args

from ppo_cli.config.names import find as find_setting
from ppo_cli.config.node import Node
from ppo_cli.config.problems import Problem, refuse, value_text
from ppo_cli.sweeps.spec.checks import MAX_KEPT_VALUES, MAX_SEEDS
from ppo_cli.sweeps.spec.params import Param, param_of, parse_value, split_at_commas
from ppo_cli.sweeps.spec.points import Point
from ppo_cli.sweeps.spec.request import Design
from ppo_cli.sweeps.spec.sweep_spec import Search

_DESIGN = {
    "zip": "zipped",
    "seeds": "num_seeds",
    "search": "search",
    "trials": "trials",
    "prune": "prune",
    "confirm": "confirm",
}
"""The names in a file that belong to the design of the sweep, and what they are called in :class:`Design`."""


@dataclass(frozen=True)
class SweepFile:
    """The contents of a sweep file; what it leaves out is None or empty.

    Attributes:
        path: The file.
        env: The environment; in a sweep folder as the user typed it.
        config_file: Another file with settings.
        settings: Settings on top.
        bases: In a sweep folder, all settings of each environment.
        params: The swept settings.
        design: ``zip``, ``seeds``, ``search``, ``trials``, ``prune`` and ``confirm``.
        asked: In a sweep folder, the points that a search has drawn.
    """

    path: Path | None = None
    env: str | None = None
    config_file: Path | None = None
    settings: Node | None = None
    bases: tuple[Node, ...] = ()
    params: tuple[Param, ...] = ()
    design: Design = field(default_factory=Design)
    asked: tuple[Point, ...] = ()


def read_sweep_file(path: Path) -> SweepFile:
    """Read a sweep file of either kind.

    Raises:
        UsageError: The file cannot be read or is wrong; with file and line.
    """
    from ppo_cli.config.yaml_file import read_yaml  # PyYAML takes 17 ms that most commands can save

    root = read_yaml(path)
    if not isinstance(root.value, dict):
        hint = "a sweep file has at least `env: CartPole-v1` and `params: {eps_clip: null}`"
        refuse([Problem(root.origin, None, "no sweep found", hint)])
    for name, place in root.names.items():
        if name not in _READERS:
            refuse([Problem(place, name, "unknown in a sweep file", _nearest(name))])
    _refuse_both(root, "env", "config")
    for name in ("settings", "config", "first_seed"):
        _refuse_both(root, "bases", name)
    params = _params(root.value.get("params"))
    values = {name: read(root.value[name], name) for name, read in _READERS.items() if name in root.value}
    config_file = values.get("config")
    return SweepFile(
        path=path,
        env=values.get("env"),
        config_file=None if config_file is None else path.parent / config_file,
        settings=_with_first_seed(values.get("settings"), root.value.get("first_seed")),
        bases=values.get("bases", ()),
        params=params,
        design=Design(**{field: values.get(name) for name, field in _DESIGN.items()}),
        asked=_points(root.value.get("points"), params),
    )


def _refuse_both(root: Node, name: str, other: str) -> None:
    if name in root.value and other in root.value:
        problem = f"does not go together with {name}"
        refuse([Problem(root.names[other], other, problem, "keep one of the two")])


def _nearest(name: str) -> str:
    if find_setting(name) is not None:
        return f"write it below `settings:`, or below `params:` to sweep it; {name} is a setting"
    close = get_close_matches(name.lower(), [*_READERS], n=1)
    return f"did you mean {close[0]}?" if close else f"a sweep file has {', '.join(_READERS)}"


def _text(node: Node, key: str) -> str | None:
    if node.value is None or isinstance(node.value, str):
        return node.value
    _not_allowed(node, key, "text")


def _flag(node: Node, key: str) -> bool:
    if isinstance(node.value, bool):
        return node.value
    _not_allowed(node, key, "true or false")


def _whole(low: int, high: int) -> Any:
    """A reader of whole numbers from ``low`` to ``high``; null is none."""

    def read(node: Node, key: str) -> int | None:
        value = node.value
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and low <= value <= high and int(value) == value:
            return int(value)
        _not_allowed(node, key, f"a whole number from {low:,} to {high:,}")

    return read


def _search(node: Node, key: str) -> Search:
    if node.value not in get_args(Search):
        _not_allowed(node, key, f"one of {', '.join(get_args(Search))}")
    return cast("Search", node.value)


def _settings(node: Node, key: str) -> Node | None:
    if node.value is None:
        return None
    if not isinstance(node.value, dict):
        _not_allowed(node, key, "settings, one a line")
    for name, hint in (("env_id", "write `env:` at the top"), ("seed", "write `first_seed:` at the top")):
        if name in node.value:
            refuse([Problem(node.names[name], name, "does not belong here", hint)])
    return node


def _bases(node: Node, key: str) -> tuple[Node, ...]:
    if not isinstance(node.value, list) or not node.value:
        _not_allowed(node, key, "a list of complete settings")
    for base in node.value:
        if not isinstance(base.value, dict) or "env_id" not in base.value:
            refuse([Problem(base.origin, key, "no env_id", "every base holds all settings of a run")])
    return tuple(node.value)


def _plain(node: Node, key: str) -> Any:
    return node.plain()


_READERS: Mapping[str, Any] = {
    "env": _text,
    "config": _text,
    "settings": _settings,
    "params": _plain,
    "zip": _flag,
    "seeds": _whole(1, MAX_SEEDS),
    "first_seed": _plain,
    "search": _search,
    "trials": _whole(1, MAX_KEPT_VALUES),
    "prune": _flag,
    "confirm": _whole(0, MAX_SEEDS),
    "bases": _bases,
    "points": _plain,
}
"""The names in a sweep file, each with what reads its value."""


def _params(node: Node | None) -> tuple[Param, ...]:
    if node is None or node.value is None:
        return ()
    if not isinstance(node.value, dict):
        _not_allowed(node, "params", "settings with their values, one a line: `eps_clip: [0.1, 0.2]`")
    params: dict[str, Param] = {}
    for name, value in node.value.items():
        param = param_of(name, value, node.names[name])
        if param.path in params:
            refuse([Problem(node.names[name], param.path, "is given twice", "keep one of the two")])
        params[param.path] = param
    return tuple(params.values())


def _with_first_seed(settings: Node | None, seed: Node | None) -> Node | None:
    """The settings with the first seed among them."""
    if seed is None or seed.value is None:
        return settings
    items, names, origin = (
        (settings.value, settings.names, settings.origin) if settings else ({}, {}, seed.origin)
    )
    return Node({**items, "seed": seed}, origin, {**names, "seed": seed.origin})


def _points(node: Node | None, params: Sequence[Param]) -> tuple[Point, ...]:
    """The points that a search has drawn."""
    if node is None or node.value is None:
        return ()
    if not isinstance(node.value, list):
        _not_allowed(node, "points", "a list of points")
    return tuple(_point(item, params) for item in node.value)


def _point(node: Node, params: Sequence[Param]) -> Point:
    parts = [part.partition("=") for part in split_at_commas(str(node.value))]
    if [name for name, _, _ in parts] != [param.name for param in params]:
        hint = "write " + ", ".join(f"{param.name}=VALUE" for param in params)
        refuse([Problem(node.origin, "points", f"{value_text(node.plain())} is not a point", hint)])
    pairs = zip(params, parts, strict=True)
    return Point(tuple((param.name, parse_value(param, text, node.origin)) for param, (_, _, text) in pairs))


def _not_allowed(node: Node, key: str, expected: str) -> NoReturn:
    refuse([Problem(node.origin, key, f"{value_text(node.plain())} is not allowed; expected {expected}")])
