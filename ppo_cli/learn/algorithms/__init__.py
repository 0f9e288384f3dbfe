"""The algorithms by name.

To add one, write a file that follows :class:`Algorithm`, and name it here and in ``config/algorithms.py``.
"""

from __future__ import annotations

from collections.abc import Callable

from ppo_cli.config.sections import Learning as LearningSettings
from ppo_cli.learn.algorithms.base import Algorithm, Targets
from ppo_cli.learn.algorithms.grpo import Grpo
from ppo_cli.learn.algorithms.ppo_clip import PpoClip
from ppo_cli.learn.algorithms.ppo_kl import PpoKl
from ppo_cli.learn.algorithms.reinforce import Reinforce

ALGORITHMS: dict[str, Callable[[LearningSettings], Algorithm]] = {
    "ppo-clip": lambda _: PpoClip(),
    "ppo-kl": lambda _: PpoKl(),
    "reinforce": lambda settings: Reinforce(settings.returns, settings.baseline),
    "grpo": lambda settings: Grpo(settings.group_size, settings.loss_mean, settings.reference),
}

__all__ = ["ALGORITHMS", "Algorithm", "Targets"]
