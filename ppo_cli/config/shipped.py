"""The tuned settings that come with the program: a short YAML file per environment and algorithm.

Those of ppo-clip lie in ``configs``, those of another algorithm in a folder of its name.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path

from ppo_cli.config.algorithms import ALGORITHMS
from ppo_cli.errors import UsageError

PLAIN = "ppo-clip"
"""The algorithm whose files lie in ``configs`` itself."""

_PACKAGE = Path(__file__).resolve().parent.parent


def shipped_config_dir() -> Path:
    """The folder of the shipped files: inside an installed package, or beside it in a source checkout.

    Raises:
        UsageError: There is none; the installation is not complete.
    """
    for folder in (_PACKAGE / "configs", _PACKAGE.parent / "configs"):
        if (folder / "cartpole.yaml").is_file():
            return folder
    raise UsageError("the shipped settings are missing", hint="install ppo-cli again")


@lru_cache(maxsize=len(ALGORITHMS))
def shipped_configs(algorithm: str = PLAIN) -> dict[str, Path]:
    """The shipped file of each environment that has one for an algorithm, by the ``env_id`` written in it."""
    from ppo_cli.config.yaml_file import read_yaml  # PyYAML takes 17 ms that most commands can save

    files = {}
    folder = shipped_config_dir() if algorithm == PLAIN else shipped_config_dir() / algorithm
    for path in sorted(folder.glob("*.yaml")):
        tree = read_yaml(path, display_name(path)).plain()
        if isinstance(tree, dict) and isinstance(tree.get("env_id"), str):
            files[tree["env_id"]] = path
    return files


def shipped_config_for(env_id: str, algorithm: str = PLAIN) -> Path | None:
    """The tuned file for an environment and an algorithm, or None.

    Another version of the same environment will do (``LunarLander-v2`` finds the file of ``LunarLander-v3``),
    and capitals do not matter.
    """
    files = {_family(name): path for name, path in shipped_configs(algorithm).items()}
    return files.get(_family(env_id))


def display_name(path: Path) -> str:
    """Name a shipped file for messages, wherever it is installed: ``configs/cartpole.yaml``."""
    folder, name = os.path.split(path)
    folder = os.path.basename(folder)
    return f"configs/{folder}/{name}" if folder in ALGORITHMS else f"configs/{name}"


def _family(env_id: str) -> str:
    return re.sub(r"-v[0-9]+$", "", env_id).casefold()
