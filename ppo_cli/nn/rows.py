"""Tensors whose first axis is the members'."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Self

from torch import Tensor


class Rows:
    """A dataclass of tensors ``[M, ...]``: row m of each is member m."""

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of the tensors."""
        return tuple(field.name for field in fields(cls))  # type: ignore[arg-type]

    def tensors(self) -> dict[str, Tensor]:
        """The tensors by name."""
        return {name: getattr(self, name) for name in self.names()}

    def keep(self, rows: Tensor) -> Self:
        """The rows of some members."""
        return replace(self, **{name: values[rows] for name, values in self.tensors().items()})  # type: ignore[type-var]
