"""The tuned settings that come with the program, one short YAML file per environment."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path

from ppo_cli.errors import UsageError

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


@lru_cache(maxsize=1)
def shipped_configs() -> dict[str, Path]:
    """The shipped file of each environment, by the ``env_id`` written in it."""
    from ppo_cli.config.yaml_file import read_yaml  # PyYAML takes 17 ms that most commands can save

    found = {}
    for path in sorted(shipped_config_dir().glob("*.yaml")):
        tree = read_yaml(path, display_name(path)).plain()
        if isinstance(tree, dict) and isinstance(tree.get("env_id"), str):
            found[tree["env_id"]] = path
    return found


def shipped_config_for(env_id: str) -> Path | None:
    """The tuned file for an environment, or None.

    Another version of the same environment will do (``LunarLander-v2`` finds the file of ``LunarLander-v3``),
    and capitals do not matter.
    """
    files = {_family(name): path for name, path in shipped_configs().items()}
    return files.get(_family(env_id))


def display_name(path: Path) -> str:
    """How a shipped file is named in messages, wherever it is installed: ``configs/cartpole.yaml``."""
    return f"configs/{os.path.basename(path)}"


def _family(env_id: str) -> str:
    return re.sub(r"-v[0-9]+$", "", env_id).casefold()
