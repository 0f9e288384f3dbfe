"""The algorithms by name. To add one, write a file that follows :class:`Algorithm` and name it here."""

from __future__ import annotations

from ppo_cli.algorithms.base import Algorithm, Derivatives
from ppo_cli.algorithms.ppo_clip import PpoClip

ALGORITHMS: dict[str, Algorithm] = {"ppo-clip": PpoClip()}

__all__ = ["ALGORITHMS", "Algorithm", "Derivatives"]
