"""Train new runs, or go on with stopped ones, as ``ppo train`` does."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppo_cli.api.caller import WarningView, call_text, hint_to_go_on
from ppo_cli.errors import UsageError
from ppo_cli.prepare.resolve import ResolvedSettings, resolve_settings, settings_of_config

if TYPE_CHECKING:
    from ppo_cli.api.runs import Ref
    from ppo_cli.config.schema import RunConfig
    from ppo_cli.learn.iteration_report import IterationReport, MemberReport
    from ppo_cli.learn.population import Member, Population
    from ppo_cli.report.progress import View
    from ppo_cli.runs.run_dir import RunDir

_STACKLEVEL = 4  # a view's method, _train, train, its caller
_KEEPS_ITS_SETTINGS = "a resumed run keeps its settings; only total_timesteps may change, to extend it"


@dataclass(frozen=True)
class Hooks:
    """The ways of a caller to follow and stop a training.

    Attributes:
        stop: Asked often; when true, training ends with a checkpoint at the end of the iteration.
        view: Makes the view of a population that is about to be trained.
        command: The command line, for the summaries of new runs; None for the call in Python.
    """

    stop: Callable[[], bool] = lambda: False
    view: Callable[[Population], View] = lambda population: WarningView(_STACKLEVEL)
    command: str | None = None


PLAIN = Hooks()


def train(
    env: str | None = None,
    *,
    config: Ref | RunConfig | ResolvedSettings | None = None,
    seeds: int = 1,
    name: str | None = None,
    runs_dir: Ref = "runs",
    resume: Ref | Sequence[Ref] = (),
    allow_import: bool = False,
    hooks: Hooks = PLAIN,
    **settings: Any,
) -> list[dict[str, Any]]:
    """Train new runs, or go on with stopped ones; the runs as ``ppo train --json`` describes them.

    Args:
        env: The environment, with its tuned settings.
        config: A YAML file of settings, or the settings of another run.
        seeds: How many runs to train together, with seeds from ``seed`` up.
        name: Name of the run's folder; of several runs the beginning of their names.
        runs_dir: Where runs are.
        resume: Stopped runs to go on with. Only ``total_timesteps`` may be given too, to extend them.
        allow_import: Whether a file or a run may name modules of the user's own to import.
        hooks: How to follow and stop the training; by default notices become warnings.
        **settings: Settings by name: ``total_timesteps=20_000``, ``algorithm="ppo-kl"``, ``eps_clip=0.3``.

    Raises:
        UsageError: Something is unknown, not allowed, or missing; nothing was trained.
        CorruptFileError, RunLockedError, StorageError: As the exit codes of ``ppo`` have it.
    """
    given = {"env": env, "config": config, "seeds": seeds if seeds != 1 else None, "name": name, **settings}
    if resume:
        populations = _load_stopped(resume, Path(runs_dir), given, allow_import=allow_import)
    else:
        ready = _resolved(env, config, settings, allow_import=allow_import)
        command = call_text("train", given, (str, int, float)) if hooks.command is None else hooks.command
        populations = _prepare_new(ready, seeds, Path(runs_dir), name, command)
    runs: list[dict[str, Any]] = []
    for population in populations:
        runs += _train(population, hooks)
    return runs


def with_seeds(config: RunConfig, seeds: int) -> list[RunConfig]:
    """The configs of ``seeds`` runs whose seeds count up from the config's own.

    Raises:
        UsageError: There would be none, or a seed is too large.
    """
    from ppo_cli.config.resolve import with_values

    if seeds < 1:
        raise UsageError(f"{seeds} seeds train nothing", hint="at least 1", key="seeds")
    return [with_values(config, {"seed": config.seed + index}) for index in range(seeds)]


def resume_command(run_dirs: Sequence[object]) -> str:
    """The command line that goes on with runs; it repeats the consent to what they import."""
    words = ["ppo", "train", *(word for path in run_dirs for word in ("--resume", str(path)))]
    return shlex.join([*words, *(["--allow-import"] if any(map(needs_consent, run_dirs)) else [])])


def needs_consent(run_dir: object) -> bool:
    """Whether a run imports modules of the user's own."""
    from ppo_cli.envs.consent import references_of
    from ppo_cli.runs.reading import read_config
    from ppo_cli.runs.run_dir import RunDir

    return bool(references_of(read_config(RunDir(Path(str(run_dir))))))


def _resolved(
    env: str | None,
    config: Ref | RunConfig | ResolvedSettings | None,
    settings: Mapping[str, Any],
    *,
    allow_import: bool,
) -> ResolvedSettings:
    """Resolve the settings that ``train`` was given."""
    if isinstance(config, ResolvedSettings):
        if env is not None or settings:
            raise UsageError("settings that are resolved are complete", hint="resolve them with the others")
        return config
    if config is None or isinstance(config, str | os.PathLike):
        file = None if config is None else Path(config)
        options: Any = {"values": settings, "values_label": "settings", "allow_import": allow_import}
        return resolve_settings(env, file, **options)
    typed = {"env_id": env} if env is not None else {}
    return settings_of_config(config, {**typed, **settings}, allow_import=allow_import)


def _prepare_new(
    ready: ResolvedSettings, seeds: int, runs_dir: Path, name: str | None, command: str
) -> list[Population]:
    """Make the populations of new runs, with their folders."""
    from ppo_cli.prepare.launch import prepare_new

    configs = with_seeds(ready.config, seeds)
    populations = prepare_new(
        configs, runs_dir=runs_dir, name=name, env_requested=ready.env_requested, command=command
    )
    return [replace(populations[0], notices=ready.notices), *populations[1:]]


def _load_stopped(
    resume: Ref | Sequence[Ref], runs_dir: Path, given: Mapping[str, Any], *, allow_import: bool
) -> list[Population]:
    """Load the populations of stopped runs. Imports no user module that was not agreed to."""
    from ppo_cli.runs.reading import read_config
    from ppo_cli.runs.run_dir import find_run

    others = [name for name, value in given.items() if value is not None and name != "total_timesteps"]
    if others:
        raise UsageError(f"resume cannot be combined with {', '.join(others)}", hint=_KEEPS_ITS_SETTINGS)
    refs = [os.fspath(ref) for ref in ([resume] if isinstance(resume, str | os.PathLike) else resume)]
    runs = [find_run(runs_dir, ref) for ref in refs]
    configs = [read_config(run) for run in runs]
    from ppo_cli.envs.consent import agree_to_run  # Gymnasium, and then torch, for runs that are there

    for run, config in zip(runs, configs, strict=True):
        agree_to_run(config, allow_import=allow_import, folder=run.path)
    from ppo_cli.prepare.launch import prepare_resume

    return prepare_resume(
        refs, runs_dir=runs_dir, total_timesteps=_checked_timesteps(given.get("total_timesteps"))
    )


def _checked_timesteps(value: Any) -> int | None:
    """Check a value of ``total_timesteps``; None stays None."""
    from ppo_cli.config.node import located
    from ppo_cli.config.problems import Origin
    from ppo_cli.config.resolve import check_value

    if value is None:
        return None
    steps: int = check_value("total_timesteps", located(value, Origin("settings")))
    return steps


# ------------------------------------------------------------------ training


def _train(population: Population, hooks: Hooks) -> list[dict[str, Any]]:
    """Train one population, unless a stop was asked for; returns the documents of its runs."""
    if hooks.stop():
        return [_document(member, None, None) for member in population.members]
    from ppo_cli.diagnosis.watch import Watch
    from ppo_cli.learn.trainer import train

    view, watch = hooks.view(population), Watch(population.members)
    last: IterationReport | None = None
    paths = [member.run_dir.path for member in population.members if member.run_dir]
    with hint_to_go_on(lambda: resume_command(paths)):
        view.start()
        try:
            for message in population.notices:
                view.notice(message)
            for last in train(replace(population, notices=()), stop=hooks.stop):
                view.update(last)
                for message in watch(last.iteration):
                    view.notice(message)
        finally:
            view.stop()
    reports = {_key(report): report for report in last.members} if last is not None else {}
    return [_document(member, reports.get(_key(member)), last) for member in population.members]


def _key(run: Member | MemberReport) -> RunDir | str:
    """Identify a run by its folder, because runs in different places may have equal names."""
    return run.run_dir or run.name


def _document(member: Member, report: MemberReport | None, last: IterationReport | None) -> dict[str, Any]:
    """Describe a run: what the trainer reported, completed by the summary that it wrote."""
    document = _untouched(member)
    if report is not None and last is not None:
        document |= {
            "status": "interrupted" if report.status == "training" else report.status,
            "global_step": last.global_step,
            "wall_time": last.wall_time,
            "steps_per_second": last.steps_per_second,
            "reason": report.reason,
        }
    if member.run_dir is None:
        return document
    from ppo_cli.diagnosis.diagnose import diagnose_run

    written, findings = member.run_dir.read_summary(), diagnose_run(member.run_dir, member.config)
    own = {"run_dir": document["run_dir"], "status": document["status"]}
    return {**document, **(written or {}), **own, "diagnosis": [finding.to_json() for finding in findings]}


def _untouched(member: Member) -> dict[str, Any]:
    """Describe a run that was not trained in this session."""
    return {
        "run_dir": str(member.run_dir.path) if member.run_dir is not None else member.name,
        "env_id": member.config.env_id,
        "algorithm": member.config.algorithm,
        "seed": member.config.seed,
        "status": "interrupted",
        "global_step": 0,
        "wall_time": 0.0,
        "steps_per_second": 0.0,
        "eval": None,
    }
