"""A value from a file or the command line that remembers where it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ppo_cli.config.problems import Origin


@dataclass(frozen=True)
class Node:
    """A value and its place.

    Attributes:
        value: A scalar, a list of nodes, or a dict from names to nodes.
        origin: Where the value stands.
        names: For a dict, where each name stands.
    """

    value: Any
    origin: Origin
    names: Mapping[str, Origin] = field(default_factory=dict)

    def plain(self) -> Any:
        """The value as ordinary Python data."""
        if isinstance(self.value, dict):
            return {name: node.plain() for name, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def at(self, path: Sequence[str | int]) -> Node:
        """The node that a path of names and indices leads to; when it leads nowhere, the last on the way."""
        node = self
        for step in path:
            children = dict(enumerate(node.value)) if isinstance(node.value, list) else node.value
            if isinstance(children, dict) and step in children:
                node = children[step]
        return node


def located(value: Any, origin: Origin) -> Node:
    """The node of a Python value, everything in it at the same place."""
    if isinstance(value, Mapping):
        return Node({name: located(item, origin) for name, item in value.items()}, origin)
    if isinstance(value, list | tuple):
        return Node([located(item, origin) for item in value], origin)
    return Node(value, origin)
