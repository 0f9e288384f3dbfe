"""Small preference sets, made in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ppo_cli.api.prefer import prefer
from ppo_cli.api.reward_model import pairs_of
from ppo_cli.config.preference_settings import FitSettings, with_overrides
from ppo_cli.preferences.dataset import PairData
from ppo_cli.preferences.fitting import Fit
from ppo_cli.preferences.folder import PreferenceDir

QUICK = ("members=2", "hidden_sizes=8", "max_epochs=4", "batch_pairs=8", "patience=2")


def make_set(
    runs_dir: Path, name: str, *settings: str, env: str = "CartPole-v1", pairs: int = 24, **how: Any
) -> PreferenceDir:
    """A set of untrained agents' episodes."""
    words = settings or ("length=10",)
    prefer(name=name, pairs=pairs, env=env, random=True, settings=words, runs_dir=runs_dir, **how)
    return PreferenceDir(runs_dir / name)


def fit_of(folder: PreferenceDir, *settings: str, **how: Any) -> Fit:
    """A quick fit to a set."""
    data = pairs_of(folder, allow_import=False)
    return fit_to(data, folder.settings().length, *settings, **how)


def fit_to(data: PairData, length: int, *settings: str, **how: Any) -> Fit:
    """A quick fit to comparisons."""
    chosen = with_overrides(FitSettings, [*QUICK, *settings])
    return Fit(data, chosen, how.pop("seed", 1), length, "own", **how)
