"""Names of runs: one folder name, safe on every system, that cannot lead out of the runs directory."""

from __future__ import annotations

import re

from ppo_cli.config.schema import RunConfig
from ppo_cli.errors import UsageError

MAX_LENGTH = 100
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=@-]*", re.ASCII)
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.ASCII | re.IGNORECASE)


def check_run_name(name: str) -> str:
    """The name itself, if it is one.

    Raises:
        UsageError: It is not a plain name, too long, or means something else to Windows.
    """
    if reason := _objection(name):
        raise UsageError(
            f"{name[:60]!r} cannot be the name of a run: {reason}",
            hint=f"Use at most {MAX_LENGTH} letters, digits and ._+=@-; begin with a letter or digit.",
            key="name",
        )
    return name


def default_run_name(env_id: str, algorithm: str, seed: int) -> str:
    """The name of a run that was given none, as in ``LunarLander-v3-ppo-clip-s1``.

    Args:
        env_id: Any Gymnasium id; what a name cannot hold becomes ``-``.
        algorithm: The algorithm's name.
        seed: The run's seed.
    """
    end = f"-{algorithm}-s{seed}"
    env = re.sub(r"[^A-Za-z0-9._+=@-]+", "-", env_id).lstrip("._+=@-") or "env"
    return check_run_name(env[: MAX_LENGTH - len(end)] + end)


def run_name(config: RunConfig, name: str | None, count: int) -> str:
    """The name that a run asks for, one of ``count`` that are started together.

    Args:
        config: Its settings.
        name: What the user chose, for one run or as the beginning of several; None for the default.
        count: How many runs there are.

    Raises:
        UsageError: It is not a name.
    """
    if name is None:
        return default_run_name(config.env_id, config.algorithm, config.seed)
    return check_run_name(name if count == 1 else f"{name}-s{config.seed}")


def numbered(name: str, number: int) -> str:
    """The name of the ``number``-th run of this name: ``name``, ``name-2``, ``name-3``…; never too long."""
    end = "" if number == 1 else f"-{number}"
    return name[: MAX_LENGTH - len(end)] + end


def _objection(name: str) -> str | None:
    if not name:
        return "it is empty"
    if len(name) > MAX_LENGTH:
        return f"it has {len(name)} characters"
    if not _NAME.fullmatch(name):
        return "it has a character that is not allowed"
    if name.endswith("."):
        return "it ends in a dot"
    if _RESERVED.fullmatch(name):
        return "Windows keeps this name for a device"
    return "this word means the newest run" if name.lower() == "latest" else None
