"""The types of settings, and the marks beside them.

* ``PER_MEMBER``: the members of one population may differ in it. What has no such mark is *static*: it shapes
  the program, so members that train together share it.
* ``Grid(...)``: the values that ``ppo sweep --param NAME`` takes when none are given.
* ``OneOf(...)``: a text that is one of some names, where the names come from somewhere else.
* ``Allowed(...)``: says in words what a text setting's pattern allows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import CoreSchema, core_schema

NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"
ENV_ID_PATTERN = r"^[A-Za-z0-9_./:-]{1,200}$"
TERMS_PATTERN = r"^[A-Za-z_][A-Za-z0-9_.]{0,199}:[A-Za-z_][A-Za-z0-9_]{0,99}$"


class Allowed:
    """Says in words what a text setting's pattern allows.

    Args:
        text: The words.
    """

    def __init__(self, text: str) -> None:
        self.text = text


class PerMember:
    """Marks a setting in which the members of one population may differ."""


PER_MEMBER = PerMember()


class Grid:
    """The values a sweep over one setting takes by default.

    Args:
        *values: The values, in the order in which they are swept.
    """

    def __init__(self, *values: Any) -> None:
        self.values = values


class OneOf:
    """Allows the names of a registry; unlike ``Literal`` it need not repeat them.

    Args:
        names: The names.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        """What Pydantic checks."""
        return core_schema.literal_schema(list(self.names))


def _whole_number(value: Any) -> Any:
    """Turn a float that is a whole number (``1e6``) into an int; leave the rest to the type check."""
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    return value


def as_tuple(value: Any) -> Any:
    """Turn a list, which is what files hold, into a tuple; leave the rest to the type check."""
    return tuple(value) if isinstance(value, list) else value


Int = Annotated[int, BeforeValidator(_whole_number)]
MAX_DEPTH = 8
MAX_ITEMS = 2_000
"""How deep an argument of an environment may be nested, and how much it may hold in all."""


def _check_plain(value: Any) -> Any:
    """Refuse what JSON would not hold, and what is too much of it."""
    left = [MAX_ITEMS]

    def check(part: Any, depth: int) -> Any:
        left[0] -= 1
        if depth > MAX_DEPTH or left[0] < 0:
            raise ValueError("nested too deep, or too much")
        if isinstance(part, Mapping):
            if not all(isinstance(name, str) and 0 < len(name) <= 1000 for name in part):
                raise ValueError("a name that is not a text")
            return {name: check(item, depth + 1) for name, item in part.items()}
        if isinstance(part, list | tuple):
            return [check(item, depth + 1) for item in part]
        if part is None or isinstance(part, bool | str | int | float):
            if isinstance(part, str) and len(part) > 1000:
                raise ValueError("a text that is too long")
            if isinstance(part, int) and not -(2**63) <= part < 2**63:
                raise ValueError("a whole number that is too large")
            if isinstance(part, float) and not math.isfinite(part):
                raise ValueError("a number that is none")
            return part
        raise ValueError("no plain data")

    return check(value, 0)


class Plain:
    """Allows plain data as JSON holds it: text, numbers, true, false, null, lists and mappings."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        """What Pydantic checks."""
        return core_schema.no_info_plain_validator_function(
            _check_plain, serialization=core_schema.plain_serializer_function_ser_schema(lambda value: value)
        )


PlainData = Annotated[Any, Plain()]
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
HiddenSize = Annotated[Int, Field(ge=1, le=4096)]
Weight = Annotated[float, Field(ge=-1e6, le=1e6)]
ShapingMode = Literal["off", "log", "add", "replace", "potential"]
TermsReference = Annotated[str, Field(pattern=TERMS_PATTERN), Allowed('such as "my_module:my_terms"')]
