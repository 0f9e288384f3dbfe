"""Points: one value for each swept setting, with a label that can name a folder on every system."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ppo_cli.config.dump import yaml_text
from ppo_cli.config.marks import as_tuple

MAX_LABEL = 80
_HEAD = 60  # characters of a label before its hash
_HASHED = re.compile(r".*-[0-9a-f]{8}", re.DOTALL)
_PLAIN_NAME = re.compile(r"[a-z][a-z0-9_.]*")
_PLAIN_TEXT = re.compile(r"[a-z][a-z0-9_.@-]*")
# Texts with capitals that a label may hold as they are. All others are hashed, because a file system may not
# tell capitals from small letters, and two labels must differ there too.
_PLAIN_ENVS = frozenset(
    {
        "CartPole-v1",
        "LunarLander-v3",
        "LunarLanderContinuous-v3",
        "Pendulum-v1",
        "Acrobot-v1",
        "MountainCar-v0",
        "MountainCarContinuous-v0",
        "BipedalWalker-v3",
    }
)

_TAKEN = frozenset({"none", "true", "false", *(env_id.lower() for env_id in _PLAIN_ENVS)})


@dataclass(frozen=True)
class Point:
    """One combination of values of the swept settings.

    Attributes:
        values: Names and values, in the order in which the settings are swept.
    """

    values: tuple[tuple[str, Any], ...]

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Point:
        """Make a point from a mapping, also from :meth:`to_json`'s after a JSON file has held it."""
        return cls(tuple((name, as_tuple(value)) for name, value in values.items()))

    def to_json(self) -> dict[str, Any]:
        """Names and values as JSON data."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in self.values}

    @property
    def text(self) -> str:
        """The point as text for people.

        >>> Point.of({"eps_clip": 0.1, "hidden_sizes": (64, 64), "target_kl": None}).text
        'eps_clip = 0.1, hidden_sizes = 64x64, target_kl = null'
        """
        return ", ".join(f"{name} = {value_text(value)}" for name, value in self.values)

    @property
    def label(self) -> str:
        """The point as part of a folder's name: the same whatever the order of its settings.

        Different points have different labels, also where capitals do not count. A label that would be too
        long, or would lose something, ends in eight digits of a hash.

        >>> Point.of({"learning_rate": 1e-5, "eps_clip": 0.1, "target_kl": None}).label
        'eps_clip=0.1+learning_rate=1e-05+target_kl=none'
        >>> Point.of({"env_kwargs.text": "Ünder"}).label
        'env_kwargs.text=-nder-572f36a6'
        """
        values = sorted(self.values, key=lambda item: item[0])
        label = "+".join(f"{name}={_label_value(value)}" for name, value in values)
        plain = all(_is_plain(name, value) for name, value in values)
        if plain and len(label) <= MAX_LABEL and not _HASHED.fullmatch(label):
            return label
        head = re.sub(r"[^A-Za-z0-9._+=@-]+", "-", label)[:_HEAD]
        return f"{head}-{hashlib.sha256(self._canonical()).hexdigest()[:8]}"

    def _canonical(self) -> bytes:
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":")).encode("ascii")


def value_text(value: Any) -> str:
    """Write a value for people: ``0.1``, ``null``, ``true``, ``64x64``.

    >>> [value_text(value) for value in (1e-05, None, True, (64, 64), "relu")]
    ['1e-05', 'null', 'true', '64x64', 'relu']
    """
    if isinstance(value, float):
        return repr(value)
    return "x".join(map(str, value)) if isinstance(value, tuple) else yaml_text(value)


def _label_value(value: Any) -> str:
    """Write a value for a label."""
    if value is None:
        return "none"
    if isinstance(value, float):
        return repr(value).replace("+", "")  # 1e+16: a plus stands between two settings
    return value if isinstance(value, str) else value_text(value)


def _is_plain(name: str, value: Any) -> bool:
    """Whether a label can hold this value as it is: without loss, and the same as no other value's."""
    if not _PLAIN_NAME.fullmatch(name):
        return False
    if not isinstance(value, str) or (name == "env_id" and value in _PLAIN_ENVS):
        return True
    return bool(_PLAIN_TEXT.fullmatch(value)) and value not in _TAKEN
