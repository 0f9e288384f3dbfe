"""Swept settings: which values each takes, written as text (``eps_clip=0.1,0.2``) or in a file.

Three ways to write the values of a setting:

* its name alone takes its standard grid: ``eps_clip``;
* a list: ``eps_clip=0.1,0.2``, ``hidden_sizes=64x64,128x128``;
* a range: ``learning_rate=1e-4..1e-2:log:5``; a search draws from a range, a grid needs the count.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from ppo_cli.config.dump import yaml_text
from ppo_cli.config.identity import ENGINE
from ppo_cli.config.names import Target
from ppo_cli.config.names import find as find_setting
from ppo_cli.config.names import nearest as nearest_setting
from ppo_cli.config.node import Node, located
from ppo_cli.config.problems import Origin, Problem, refuse, value_text
from ppo_cli.config.resolve import check_value
from ppo_cli.errors import UsageError
from ppo_cli.sweeps.spec import points
from ppo_cli.sweeps.spec.spacing import spaced

MAX_COUNT = 10_000
MAX_TEXT_LENGTH = 100_000
MAX_VALUE_LENGTH = 100

OPTION = Origin("--param")

_END = r"\s*([^\s\"'\[\]{},:]*)\s*"
_RANGE = re.compile(rf"{_END}\.\.{_END}((?::[^,]*)?)")
_SIZES = re.compile(r"[0-9]+(x[0-9]+)*", re.ASCII)


@dataclass(frozen=True)
class Param:
    """A swept setting and its values: a list of them, or a range.

    Attributes:
        path: The setting's full path, ``learning.eps_clip``, or that of one name in its mapping.
        name: Its short name, ``eps_clip``; ``custom.upright`` for one name in a mapping.
        values: The values, of the setting's type; empty for a range.
        low: First value of a range, or None.
        high: Last value of a range, or None.
        log: Whether the range is spread by equal factors instead of equal steps.
        count: How many values a grid takes from the range, or None.
    """

    path: str
    name: str
    values: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    log: bool = False
    count: int | None = None

    @property
    def is_range(self) -> bool:
        """Whether it is a range."""
        return self.low is not None

    def grid(self) -> tuple[Any, ...]:
        """The values of a grid. Of a range, ``count`` values, its ends included.

        Raises:
            UsageError: It is a range without a count.
        """
        if self.low is None or self.high is None:
            return self.values
        if self.count is None:
            raise UsageError(
                f"{self.text} is a range, and a grid needs to know how many values to take from it",
                hint=f"{self.text}:5 takes five; --search random draws from the whole range",
                key=self.path,
            )
        return spaced(self.low, self.high, self.count, log=self.log)

    @property
    def text(self) -> str:
        """The setting and its values as :func:`parse_param` reads them."""
        return f"{self.name}={self.values_text}"

    @property
    def values_text(self) -> str:
        """The part of :attr:`text` after the name."""
        if self.low is None:
            return ",".join(value_as_text(value) for value in self.values)
        count = "" if self.count is None else f":{self.count}"
        return f"{self.low!r}..{self.high!r}{':log' if self.log else ''}{count}"


def parse_param(text: str, origin: Origin = OPTION) -> Param:
    """Parse one ``--param``.

    Args:
        text: ``NAME``, ``NAME=v1,v2`` or ``NAME=lo..hi[:log][:count]``.
        origin: What to name in errors.

    Raises:
        UsageError: The setting is unknown or cannot be swept, or a value is wrong.
    """
    if len(text) > MAX_TEXT_LENGTH:
        refuse([Problem(origin, None, f"longer than {MAX_TEXT_LENGTH:,} characters")])
    name, equals, values = text.partition("=")
    target = _target(name.strip(), origin)
    return _from_text(target, values, origin) if equals else _standard_grid(target, origin)


def param_of(name: str, node: Node, place: Origin) -> Param:
    """Parse one line below ``params:`` of a file.

    Args:
        name: The setting's name.
        node: A list of values, a text as after ``NAME=``, one value, or null for the standard grid.
        place: Where the name stands.

    Raises:
        UsageError: As :func:`parse_param`.
    """
    target = _target(name, place)
    if node.value is None:
        return _standard_grid(target, place)
    if isinstance(node.value, list):
        return _listed(target, node.value, node.origin)
    if isinstance(node.value, str):
        return _from_text(target, node.value, node.origin)
    return _listed(target, [node], node.origin)


def parse_value(param: Param, text: str, origin: Origin) -> Any:
    """Parse one value of a swept setting, as :func:`value_as_text` writes it.

    Raises:
        UsageError: The value is not allowed.
    """
    target = _target(param.name, origin)
    return _typed(target, _parsed(target, text, origin))


def value_as_text(value: Any) -> str:
    """A value as it stands behind ``NAME=``; :func:`parse_value` reads it.

    >>> [value_as_text(value) for value in (0.1, None, (64, 64), "relu", "a,b")]
    ['0.1', 'null', '64x64', 'relu', '"a,b"']
    """
    text = points.value_text(value) if isinstance(value, tuple) else yaml_text(value)
    return f'"{text}"' if ".." in text and text[0] != '"' else text  # not to be taken for a range


def split_at_commas(text: str) -> list[str]:
    """The parts between commas that are not inside brackets or quotes, without the space around them.

    >>> split_at_commas('0.1, [64, 64], "a, b", x="c, d"')
    ['0.1', '[64, 64]', '"a, b"', 'x="c, d"']
    """
    parts, depth, quote, escaped = [""], 0, "", False
    for char in text:
        if quote:
            quote = "" if char == quote and not escaped else quote
            escaped = char == "\\" and quote == '"' and not escaped
        elif char in "\"'" and (depth or parts[-1].strip()[-1:] in ("", "=")):
            quote = char
        elif char == "," and depth == 0:
            parts.append("")
            continue
        else:
            depth = max(0, depth + (char in "[{") - (char in "]}"))
        parts[-1] += char
    return [part.strip() for part in parts]


def _target(name: str, origin: Origin) -> Target:
    target = find_setting(name)
    if target is None:
        if not name:
            refuse([Problem(origin, None, "no setting is named", "such as --param eps_clip=0.1,0.2")])
        refuse([Problem(origin, name, "unknown setting", nearest_setting(name))])
    objection = _objection(target)
    if objection:
        refuse([Problem(origin, target.path, *objection)])
    return target


def _objection(target: Target) -> tuple[str, str] | None:
    """Why a setting cannot be swept, and what to do instead; None when it can."""
    setting = target.setting
    if setting.path == "seed":
        return "cannot be swept: every point has several seeds", "use --seeds (`seeds:` in a file)"
    if setting.path == ENGINE:
        return "cannot be swept: one engine computes what the other does", "set it once for all, with --set"
    if setting.section in ("output", "compute"):
        return "cannot be swept: it does not change results", "set it once for all, with --set"
    if setting.section == "evaluation":
        return "cannot be swept: the runs would be judged differently", "set it once for all, with --set"
    if setting.is_mapping and target.key is None:
        return "is a mapping; sweep one of its entries", f"such as {setting.name}.NAME=0,1"
    return None


def _name(target: Target) -> str:
    return target.setting.name if target.key is None else f"{target.setting.name}.{target.key}"


def _standard_grid(target: Target, origin: Origin) -> Param:
    name = _name(target)
    if not target.setting.grid or target.key is not None:
        hint = f"give the values: {name}=V1,V2"
        refuse([Problem(origin, target.path, "has no standard grid", hint)])
    return Param(target.path, name, target.setting.grid)


def _from_text(target: Target, text: str, origin: Origin) -> Param:
    param = _range(target, text, origin)
    if param is not None:
        return param
    parts = split_at_commas(text)
    if parts == [""]:
        refuse([Problem(origin, target.path, "has no values", f"such as {_example(target)}")])
    if "" in parts:
        refuse([Problem(origin, target.path, f"one of the values {value_text(text)} is empty")])
    return _listed(target, [_parsed(target, part, origin) for part in parts], origin)


def _parsed(target: Target, text: str, origin: Origin) -> Node:
    from ppo_cli.config.yaml_file import parse_yaml  # PyYAML takes 17 ms that most commands can save

    return parse_yaml(text, origin, target.path)


def _listed(target: Target, nodes: Sequence[Node], origin: Origin) -> Param:
    if not nodes:
        refuse([Problem(origin, target.path, "has no values", f"such as {_example(target)}")])
    values: list[Any] = []
    for node in nodes:
        value = _typed(target, node)
        if value in values:
            hint = "layers are joined by x: hidden_sizes=64x64,128x128" if isinstance(value, tuple) else None
            text = f"{points.value_text(value)} is given twice"
            refuse([Problem(node.origin, target.path, text, hint or "keep one of the two")])
        values.append(value)
    return Param(target.path, _name(target), tuple(values))


def _typed(target: Target, node: Node) -> Any:
    """The value as the setting holds it."""
    if isinstance(target.setting.default, tuple):
        node = _as_sizes(node)
    value = check_value(target.path, node)
    if isinstance(value, str) and len(value) > MAX_VALUE_LENGTH:
        text = f"{value_text(value)} is longer than {MAX_VALUE_LENGTH} characters"
        refuse([Problem(node.origin, target.path, text)])
    return value + 0.0 if isinstance(value, float) else value  # -0.0 becomes 0.0


def _as_sizes(node: Node) -> Node:
    """Let ``64x64`` and ``64`` mean lists."""
    if isinstance(node.value, str) and _SIZES.fullmatch(node.value):
        return located([int(part[:9]) for part in node.value.split("x")], node.origin)
    return located([node.value], node.origin) if type(node.value) is int else node


def _range(target: Target, text: str, origin: Origin) -> Param | None:
    """The range that a text says, or None when it is a list of values."""
    match = _RANGE.fullmatch(text)
    if match is None:
        return None
    setting = target.setting
    ends = [_number(target, text, origin) for text in match.group(1, 2)]
    if setting.name == "env_kwargs" and None in ends:
        return None  # a text with two dots in it
    if not setting.is_mapping and setting.type_text not in ("number", "whole number"):
        kind = f"{_name(target)} is {setting.type_text} {setting.allowed}".rstrip()
        _refuse_range(target, text, origin, f"is a range, and {kind}", f"list the values: {_example(target)}")
    low, high = ends
    if low is None or high is None:
        hint = "write two numbers, LOW..HIGH: 1e-4..1e-2"
        _refuse_range(target, text, origin, "is not a range of numbers", hint)
    if setting.name == "env_kwargs" and float in (type(low), type(high)):
        low, high = float(low), float(high)
    log, count = _suffixes(target, text, match[3], origin)
    if low >= high:
        _refuse_range(target, text, origin, "is an empty range", "write the smaller end first: 0.1..0.4")
    if log and low <= 0:
        hint = "begin above 0, or leave out :log"
        _refuse_range(target, text, origin, "cannot be spread by equal factors from 0 or below", hint)
    return Param(target.path, _name(target), (), low, high, log, count)


def _number(target: Target, text: str, origin: Origin) -> float | None:
    """Parse one end of a range, as the setting holds it; None when it is no number."""
    value = _parsed(target, text, origin).value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not target.setting.is_mapping and target.setting.type_text not in ("number", "whole number"):
        return value  # it will be refused as a range
    typed = _typed(target, located(value, origin))
    assert isinstance(typed, int | float)
    return typed


def _suffixes(target: Target, text: str, suffixes: str, origin: Origin) -> tuple[bool, int | None]:
    """Parse what stands behind a range: ``:log`` and a count, in either order."""
    words = [word.strip() for word in suffixes.split(":")[1:]]
    counts = [int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 10]
    if len(counts) + words.count("log") != len(words) or len(counts) > 1 or words.count("log") > 1:
        hint = "behind a range may stand :log and a count, as in 1e-4..1e-2:log:5"
        _refuse_range(target, text, origin, "has something else behind it", hint)
    if counts and not 2 <= counts[0] <= MAX_COUNT:
        _refuse_range(target, text, origin, f"has a count of {counts[0]}", f"take 2 to {MAX_COUNT:,} values")
    return "log" in words, counts[0] if counts else None


def _refuse_range(target: Target, text: str, origin: Origin, problem: str, hint: str) -> NoReturn:
    refuse([Problem(origin, target.path, f"{value_text(text.strip())} {problem}", hint)])


def _example(target: Target) -> str:
    """Show how to list values of this setting."""
    grid = target.setting.grid if target.key is None else ()
    values = ",".join(value_as_text(value) for value in grid) or "V1,V2"
    return f"{_name(target)}={values}"
