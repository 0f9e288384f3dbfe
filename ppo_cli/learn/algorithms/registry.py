"""From the name of an algorithm to its class, which its facts name."""

from __future__ import annotations

import importlib

from ppo_cli.config.algorithms import ALGORITHMS
from ppo_cli.config.sections import Learning
from ppo_cli.errors import UsageError
from ppo_cli.learn.algorithms.base import Algorithm


def make_algorithm(name: str, learning: Learning) -> Algorithm:
    """Make the algorithm of a name, with its settings.

    Raises:
        UsageError: Its facts name a class that is not there; the message is for its author.
    """
    module, _, class_name = ALGORITHMS[name].code.partition(":")
    try:
        algorithm_class = getattr(importlib.import_module(f"ppo_cli.learn.algorithms.{module}"), class_name)
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"the algorithm {name} has no {class_name} in ppo_cli/learn/algorithms/{module}.py: {error}",
            hint=f"write it there, or mend the code of {name} in ppo_cli/config/algorithms.py",
            key="algorithm",
        ) from error
    if not (isinstance(algorithm_class, type) and issubclass(algorithm_class, Algorithm)):
        raise UsageError(
            f"{class_name}, the class of the algorithm {name}, is no Algorithm",
            hint="derive it from Algorithm in ppo_cli/learn/algorithms/base.py",
            key="algorithm",
        )
    missing = sorted(algorithm_class.__abstractmethods__)
    if missing:
        raise UsageError(
            f"{class_name}, the class of the algorithm {name}, has no {missing[0]}",
            hint="an algorithm needs targets and loss; see Algorithm in ppo_cli/learn/algorithms/base.py",
            key="algorithm",
        )
    return algorithm_class.make(learning)
