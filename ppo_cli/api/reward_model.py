"""Fit a reward model to a preference set: what ``ppo reward-model`` does."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppo_cli.api.caller import check_seed
from ppo_cli.storage.json_file import strict

if TYPE_CHECKING:
    from ppo_cli.api.runs import Ref
    from ppo_cli.config.preference_settings import Given
    from ppo_cli.preferences.dataset import PairData
    from ppo_cli.preferences.folder import PreferenceDir


WITH_POTENTIAL = "LunarLander"
"""Where the environment's reward is a difference of potentials, and a model is better with one."""


def fit_reward_model(
    name: Ref,
    *,
    seed: int = 1,
    settings: Given = (),
    settings_label: str = "settings",
    curve: bool = False,
    runs_dir: Ref = "runs",
    allow_import: bool = False,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int, int], None] = lambda done, of: None,
    notice: Callable[[str], None] = lambda text: None,
) -> dict[str, Any] | None:
    """Fit a reward model to a preference set, and say how good it is; what ``ppo reward-model --json`` gives.

    Args:
        name: The set: a path, a name under ``runs_dir``, a unique beginning of one, or ``latest``.
        seed: Seed of the fit.
        settings: The network, the loss, how long: ``{"network": "transformer"}``, or the same as
            ``NAME=VALUE`` texts.
        settings_label: What messages call their place.
        curve: Also fit the first 25, 50, 100... comparisons, to see what more of them bring.
        runs_dir: Where sets are.
        allow_import: Whether the set may name a module of the user's own to import.
        stop: Asked after each pass over the pairs.
        progress: Told of each pass, and how many there are at most.
        notice: Told what the user should know.

    Returns:
        The report; None when stopped: the same call goes on.

    Raises:
        UsageError: There is no such set, or nothing in it says which clip is better.
        CorruptFileError, RunLockedError, StorageError: As the exit codes of ``ppo`` have it.
    """
    from ppo_cli.config.preference_settings import FitSettings, with_overrides
    from ppo_cli.preferences.fit_folder import fit_in_folder
    from ppo_cli.preferences.fitting import Fit
    from ppo_cli.preferences.folder import find_preferences

    check_seed(seed)
    own = with_overrides(FitSettings, settings, label=settings_label)
    folder = find_preferences(Path(runs_dir), os.fspath(name))
    with folder.lock():
        data = pairs_of(folder, allow_import=allow_import, notice=notice)
        about = folder.settings()
        if own.potential is None:
            own = own.model_copy(update={"potential": about.env_id.startswith(WITH_POTENTIAL)})
        starts = {episode: one.seed for episode, one in folder.episodes().items()}
        fit = Fit(data, own, seed, about.length, about.answers_by.reward, starts)
        report = fit_in_folder(folder, fit, own, seed, data, stop=stop, progress=progress)
        if report is None:
            return None
        if curve:
            from ppo_cli.preferences.curve import learning_curve

            report["curve"] = learning_curve(data, own, seed, about.length, starts, stop)
    document: dict[str, Any] = strict(report)
    return document


def pairs_of(
    folder: PreferenceDir, *, allow_import: bool, notice: Callable[[str], None] = lambda text: None
) -> PairData:
    """The comparisons of a set, clips played again, once importing its environment was agreed to."""
    from ppo_cli.envs.factory import env_spec
    from ppo_cli.envs.registry import resolve_env_id
    from ppo_cli.preferences.dataset import load_pairs

    settings = folder.settings()
    resolve_env_id(settings.env_id, allow_import=allow_import)
    return load_pairs(folder, env_spec(settings.env_id, settings.env_kwargs), notice)
