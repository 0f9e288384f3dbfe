"""The settings as a table, read off ``schema`` and ``sections``: for messages, ``ppo config``, ``docs/``."""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from itertools import pairwise
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types as limits
from pydantic.fields import FieldInfo

from ppo_cli.config import schema, sections
from ppo_cli.config.algorithms import check_declarations
from ppo_cli.config.marks import Allowed, Grid, OneOf, PerMember
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.sections import Section

REQUIRED = "required"


@dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes:
        name: Its unique leaf name, ``eps_clip``.
        path: Section and name, ``learning.eps_clip``; the name alone at the top level.
        type_text: Its type in words, ``number``.
        default: The default, or ``"required"``.
        allowed: The allowed values in words, ``> 0 and <= 1``; empty when any value of the type will do.
        per_member: Whether the members of one population may differ in it.
        grid: The values a sweep takes by default; empty when there are none.
        help: One line of explanation.
    """

    name: str
    path: str
    type_text: str
    default: Any
    allowed: str
    per_member: bool
    grid: tuple[Any, ...]
    help: str

    @property
    def section(self) -> str:
        """The section it belongs to; empty at the top level."""
        return self.path.rpartition(".")[0]

    @property
    def is_mapping(self) -> bool:
        """Whether its value is a mapping of names to values, so that ``path.key`` can be set too."""
        return isinstance(self.default, dict)

    @property
    def expected(self) -> str:
        """Type and range in words, for messages."""
        return f"{self.type_text} {self.allowed}".strip()


def _strip(annotation: Any) -> tuple[Any, list[Any]]:
    """A type without its ``Annotated`` layers, and the marks that were on them."""
    marks: list[Any] = []
    while get_origin(annotation) is Annotated:
        annotation, *extra = get_args(annotation)
        marks += extra
    for mark in list(marks):
        marks += getattr(mark, "metadata", [])
    return annotation, marks


def _describe(annotation: Any, marks: list[Any]) -> tuple[str, str]:
    """Type and range in words."""
    kind, more = _strip(annotation)
    marks = [*marks, *more]
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType) and NoneType in inner and len(inner) == 2:
        text, allowed = _describe(next(part for part in inner if part is not NoneType), marks)
        return (f"{text} or null", allowed) if not allowed else (text, f"{allowed}, or null")
    names = [name for mark in marks if isinstance(mark, OneOf) for name in mark.names]
    if names or origin is Literal:
        return "one of", ", ".join(names or map(str, inner))
    if origin is tuple:
        text, allowed = _describe(inner[0], [])
        return f"list of {text}s", f"{allowed}; {_length(marks)} of them"
    if origin is dict:
        value = _strip(inner[1])[0]
        to = (
            " ".join(_describe(inner[1], []))
            if value is float
            else "text, number, true, false, null, or lists and mappings of them"
        )
        return "mapping", f"from name to {to}"
    kinds = {bool: "true or false", int: "whole number", float: "number", str: "text"}
    words = [mark.text for mark in marks if isinstance(mark, Allowed)]
    return kinds[kind], " ".join(words) if kind is str else _range(marks)


def _length(marks: list[Any]) -> str:
    low = next(mark.min_length for mark in marks if isinstance(mark, limits.MinLen))
    high = next(mark.max_length for mark in marks if isinstance(mark, limits.MaxLen))
    return f"{low} to {high}"


def _range(marks: list[Any]) -> str:
    signs = {limits.Gt: (">", "gt"), limits.Ge: (">=", "ge"), limits.Lt: ("<", "lt"), limits.Le: ("<=", "le")}
    parts = [
        f"{sign} {number_text(getattr(mark, field))}"
        for mark in marks
        for kind, (sign, field) in signs.items()
        if isinstance(mark, kind)
    ]
    return " and ".join(parts)


def number_text(value: float) -> str:
    """A limit as a person writes it: ``0.5``, ``1_000_000``."""
    return f"{int(value):_}" if float(value).is_integer() else f"{value:g}"


def _field_docstrings() -> dict[tuple[str, str], str]:
    """The docstring under each field of each class of ``schema`` and ``sections``, by class and field.

    One pass over the source; Pydantic's own ``use_attribute_docstrings`` reads it once per class, which costs
    every command 25 ms.
    """
    trees = [ast.parse(inspect.getsource(module)) for module in (schema, sections)]
    models = [node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    return {
        (model.name, ast.unparse(field.target)): str(ast.literal_eval(below.value))
        for model in models
        for field, below in pairwise(model.body)
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr)
    }


def _setting(section: str, name: str, field: FieldInfo, text: str) -> Setting:
    type_text, allowed = _describe(field.annotation, field.metadata)
    grids = [mark.values for mark in field.metadata if isinstance(mark, Grid)]
    default = None if field.is_required() else field.get_default(call_default_factory=True, validated_data={})
    return Setting(
        name=name,
        path=f"{section}.{name}" if section else name,
        type_text=type_text,
        default=REQUIRED if field.is_required() else default,
        allowed=allowed,
        per_member=any(isinstance(mark, PerMember) for mark in field.metadata),
        grid=grids[0] if grids else (),
        help=text,
    )


def _is_section(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, Section)


def _sections() -> dict[str, type[Section]]:
    sections_by_name: dict[str, type[Section]] = {"": RunConfig}
    for name, field in RunConfig.model_fields.items():
        if _is_section(field):
            assert isinstance(field.annotation, type)
            sections_by_name[name] = field.annotation
    return sections_by_name


SECTIONS: dict[str, type[Section]] = _sections()
"""The sections by name; the top level is the empty name."""

_DOCSTRINGS = _field_docstrings()

SETTINGS: tuple[Setting, ...] = tuple(
    _setting(section, name, field, _DOCSTRINGS[model.__name__, name])
    for section, model in SECTIONS.items()
    for name, field in model.model_fields.items()
    if not _is_section(field)
)
"""All settings in the order in which they are explained and written."""

BY_NAME: dict[str, Setting] = {setting.name: setting for setting in SETTINGS}
BY_PATH: dict[str, Setting] = {setting.path: setting for setting in SETTINGS}
if len(BY_NAME) != len(SETTINGS):
    raise AssertionError("two settings have the same leaf name")
check_declarations(sections.Learning.model_fields)
