"""Where the fits of a preference set lie, and which model a setting names. No torch."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from ppo_cli.config.choices import NULLS
from ppo_cli.errors import UsageError
from ppo_cli.runs.folders import PREFERENCES
from ppo_cli.storage.files import corrupt

REWARD = "reward.safetensors"
REPORT = "report.json"
FITS = "fits"

_FIT = re.compile(r"[0-9]{4,9}", re.ASCII)
_KEY = "learning.reward_model"


def fit_folders(preferences: Path) -> list[Path]:
    """The folders of a set's fits, oldest first, also of those that are not complete; links are none.

    Raises:
        CorruptFileError: They cannot be listed, or their folder is a symbolic link.
    """
    folder = preferences / FITS
    if folder.is_symlink():
        raise corrupt(folder, "is a symbolic link, and what it leads to may lie anywhere")
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise corrupt(folder, f"cannot be read: {error.strerror}") from error
    return [folder / name for name in sorted(filter(_FIT.fullmatch, names), key=int)]


def latest_fit(preferences: Path) -> Path | None:
    """The newest complete fit of a set."""
    complete = [path for path in fit_folders(preferences) if os.path.lexists(path / REPORT)]
    return complete[-1] if complete else None


def model_file(named: str, near: Sequence[Path]) -> Path:
    """The file of the model that ``reward_model`` names.

    Args:
        named: A preference set (its newest fit), a fit's folder, or a model's file; a path, or a name.
        near: Folders that hold runs and sets.

    Raises:
        UsageError: There is none.
    """
    places = [Path(named), *(folder / named for folder in near)]
    place = next((path for path in places if os.path.lexists(path)), None)
    if place is None:
        raise UsageError(
            f"{_KEY}: there is no preference set {named[:100]!r}",
            hint=f"name one that `ppo list` shows, a fit's folder, or a null: {' or '.join(NULLS)}",
            key=_KEY,
        )
    if os.path.lexists(place / PREFERENCES.marker):
        fit = latest_fit(place)
        if fit is None:
            raise UsageError(
                f"{_KEY}: {place.name} has no reward model yet",
                hint=f"ppo reward-model {place.name}",
                key=_KEY,
            )
        return fit / REWARD
    return place / REWARD if place.is_dir() else place
