"""Make a preference set: what ``ppo prefer`` does."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppo_cli.api.caller import check_seed
from ppo_cli.errors import UsageError
from ppo_cli.storage.json_file import strict

if TYPE_CHECKING:
    from ppo_cli.api.runs import Ref
    from ppo_cli.config.preference_settings import Given, SetSettings
    from ppo_cli.config.schema import RunConfig
    from ppo_cli.preferences.collecting import Collector
    from ppo_cli.runs.run_dir import RunDir

PAIRS = 300


def prefer(
    *runs: Ref,
    name: str,
    pairs: int = PAIRS,
    seed: int = 1,
    env: str | None = None,
    random: bool = False,
    same_start: bool | None = None,
    settings: Given = (),
    settings_label: str = "settings",
    runs_dir: Ref = "runs",
    allow_import: bool = False,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Let a synthetic teacher compare clips of runs' episodes, until the set has ``pairs`` comparisons.

    Args:
        *runs: Who plays: each policy at the ages at which it was kept (``keep_policies``), or the last one.
        name: Name of the set. One that is there goes on.
        pairs: Comparisons that are to be there in the end.
        seed: The set's seed.
        env: The environment, where no run says it.
        random: Whether an untrained agent plays too.
        same_start: Whether both clips of a pair begin in one state; None as ``settings`` have it.
        settings: The teacher's flaws, what it judges by, the clips: ``{"mistake": 0.1}``, or the same as
            ``NAME=VALUE`` texts.
        settings_label: What messages call their place.
        runs_dir: Where runs and sets are.
        allow_import: Whether runs may name modules of the user's own to import.
        stop: Asked between chunks of pairs.
        progress: Told how many comparisons there are.

    Raises:
        UsageError: Something is unknown, not allowed, or missing.
        CorruptFileError, RunLockedError, StorageError: As the exit codes of ``ppo`` have it.
    """
    from ppo_cli.config.preference_settings import SetSettings, by_name, with_overrides
    from ppo_cli.preferences.collecting import collect_answers, open_set
    from ppo_cli.preferences.describing import describe_set
    from ppo_cli.runs.names import check_run_name

    check_run_name(name)
    check_seed(seed)
    if pairs < 1:
        raise UsageError(f"{pairs} pairs teach nothing", hint="at least 1", key="pairs")
    chosen = by_name(settings, settings_label)
    own = with_overrides(SetSettings, chosen, label=settings_label)
    if same_start is not None:
        own = own.model_copy(update={"same_start": same_start})
    agreed = "reward" in chosen or allow_import  # who types what is to be imported agrees to it
    collector = collector_of(
        runs, env, random, own, seed, Path(runs_dir), agreed=agreed, allow_import=allow_import
    )
    folder = open_set(Path(runs_dir), name, collector.settings)
    with folder.lock():
        collect_answers(folder, collector, pairs, stop=stop, progress=progress)
    document: dict[str, Any] = strict(describe_set(folder))
    return document


def undo(name: Ref, number: int, *, runs_dir: Ref = "runs") -> dict[str, Any]:
    """Take an answer of a set back.

    Raises:
        UsageError: There is no such set or comparison.
    """
    from ppo_cli.preferences.collecting import take_back
    from ppo_cli.preferences.describing import describe_set
    from ppo_cli.preferences.folder import find_preferences

    folder = find_preferences(Path(runs_dir), os.fspath(name))
    with folder.lock():
        take_back(folder, number)
    document: dict[str, Any] = strict(describe_set(folder))
    return document


def collector_of(
    runs: Sequence[Ref],
    env: str | None,
    random: bool,
    given: SetSettings,
    seed: int,
    runs_dir: Path,
    *,
    agreed: bool,
    allow_import: bool,
) -> Collector:
    """Who plays, where, and by what is judged.

    Args:
        runs: The runs whose policies play.
        env: The environment, where no run says it.
        random: Whether an untrained agent plays too.
        given: The teacher's flaws, what it judges by, the clips.
        seed: The set's seed.
        runs_dir: Where runs are.
        agreed: Whether the module of the teacher's reward may be imported.
        allow_import: The same of those of the runs.

    Raises:
        UsageError: As :func:`prefer`.
    """
    from ppo_cli.config.preference_settings import (
        PreferenceSettings,
        TeacherSettings,
    )
    from ppo_cli.envs.factory import env_spec
    from ppo_cli.preferences.collecting import Collector
    from ppo_cli.preferences.goals import goal_of
    from ppo_cli.preferences.pairs import clip_length
    from ppo_cli.preferences.sources import sources_of_runs, untrained
    from ppo_cli.runs.run_dir import find_run

    folders = [find_run(runs_dir, os.fspath(run)) for run in runs]
    config = _environment(folders, env, allow_import=allow_import)
    spec = env_spec(config.env_id, config.env_kwargs)
    sources = sources_of_runs(folders, spec) + ([untrained(spec, seed)] if random else [])
    if not sources:
        raise UsageError("nobody to watch", hint="name runs, or ask for an untrained agent (random)")
    goal = goal_of(given.reward, spec.env_id, agreed=agreed)
    teacher = TeacherSettings(**{key: getattr(given, key) for key in TeacherSettings.model_fields})
    about = PreferenceSettings(
        env_id=config.env_id,
        env_kwargs=config.env_kwargs,
        question=_question(given.reward),
        seed=seed,
        length=clip_length(given.length, spec),
        same_start=given.same_start,
        at_end=given.at_end,
        repeat=given.repeat,
        answers_by=teacher,
    )
    return Collector(about, spec, sources, goal)


def _question(reward: str) -> str:
    from ppo_cli.config.preference_settings import OWN_REWARD

    return "Which clip is better?" if reward == OWN_REWARD else f"Which clip is better at {reward}?"


def _environment(runs: Sequence[RunDir], env: str | None, *, allow_import: bool) -> RunConfig:
    """The settings of the first run, or of an environment that was typed."""
    from ppo_cli.config.schema import RunConfig
    from ppo_cli.envs.consent import agree_to_run
    from ppo_cli.envs.registry import resolve_env_id
    from ppo_cli.runs.reading import read_config

    configs = [read_config(run) for run in runs]
    for config in configs:
        agree_to_run(config, allow_import=allow_import)
    if env is not None:
        resolved = resolve_env_id(env, allow_import=True)
        if not configs:
            return RunConfig(env_id=resolved.env_id)
        if configs[0].env_id != resolved.env_id:
            raise UsageError(
                f"the environment {env}, and {runs[0].name} plays {configs[0].env_id}",
                hint="leave out the one or the other",
                key="env_id",
            )
    if not configs:
        raise UsageError(
            "no environment given",
            hint="name a run, or an environment (env) for an untrained agent (random)",
            key="env_id",
        )
    for run, config in zip(runs, configs, strict=True):
        if (config.env_id, config.env_kwargs) != (configs[0].env_id, configs[0].env_kwargs):
            raise UsageError(
                f"{run.name} plays {config.env_id} {config.env_kwargs or ''}, and {runs[0].name} "
                f"{configs[0].env_id} {configs[0].env_kwargs or ''}",
                hint="give runs of one environment",
                key="env_id",
            )
    return configs[0]
