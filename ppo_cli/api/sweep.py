"""Study settings over several seeds, as ``ppo sweep`` does."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppo_cli.api.caller import WarningView, call_text, hint_to_go_on
from ppo_cli.errors import UsageError
from ppo_cli.storage.json_file import strict
from ppo_cli.sweeps.choose.optuna_search import check_installed
from ppo_cli.sweeps.folder.opening import default_name, open_sweep
from ppo_cli.sweeps.folder.sweep_dir import SweepDir, find_sweep
from ppo_cli.sweeps.folder.sweep_yaml import read_spec
from ppo_cli.sweeps.plan.try_environments import try_environments
from ppo_cli.sweeps.results.summary import summary
from ppo_cli.sweeps.running.session import SessionOptions, dry_run, open_session
from ppo_cli.sweeps.spec.consent import agree_to_spec, imports_of_spec, remember_sweep
from ppo_cli.sweeps.spec.make_spec import make_spec
from ppo_cli.sweeps.spec.request import Design, SweepRequest

if TYPE_CHECKING:
    from ppo_cli.api.runs import Ref
    from ppo_cli.sweeps.plan.plan import Plan
    from ppo_cli.sweeps.running.progress import SweepView
    from ppo_cli.sweeps.spec.sweep_spec import Search, SweepSpec

_STACKLEVEL = 5  # a view's method, _run, run_sweep or resume_sweep, sweep, its caller


@dataclass(frozen=True)
class Hooks:
    """The ways of a caller to follow and stop a sweep.

    Attributes:
        stop: Asked often; when true, every run under way is stopped with a checkpoint.
        view: Makes the view of a sweep that is about to be run.
        plan: Called with what will be trained and what that will take; None does not measure it.
        command: The command line, for the summaries of the runs; None for the call in Python.
    """

    stop: Callable[[], bool] = lambda: False
    view: Callable[[SweepSpec], SweepView] = lambda spec: WarningView(_STACKLEVEL)
    plan: Callable[[Plan], None] | None = None
    command: str | None = None


PLAIN, DEFAULT = Hooks(), SessionOptions()
TO_EXTEND = "to extend it, give what began it with more values, seeds or trials"


def sweep(
    env: str | None = None,
    params: str | Sequence[str] | Mapping[str, Any] = (),
    *,
    seeds: int | None = None,
    zipped: bool | None = None,
    search: Search | None = None,
    trials: int | None = None,
    prune: bool | None = None,
    confirm: int | None = None,
    config: Ref | None = None,
    file: Ref | None = None,
    name: str | None = None,
    runs_dir: Ref = "runs",
    resume: Ref | None = None,
    options: SessionOptions = DEFAULT,
    hooks: Hooks = PLAIN,
    **settings: Any,
) -> dict[str, Any]:
    """Train values of settings with several seeds each; the document that ``ppo sweep --json`` prints.

    The same call again trains only what is missing; more values or seeds extend the sweep.

    Args:
        env: The environment, with its tuned settings.
        params: What is swept: ``{"eps_clip": [0.1, 0.2], "gamma": None}``, None being the standard grid, or
            texts as after ``--param``: ``["eps_clip=0.1,0.2", "learning_rate=1e-4..1e-2:log:5"]``.
        seeds: Seeds of each point, from ``seed`` up; 5 by default.
        zipped: Whether values are paired instead of combined.
        search: ``grid`` trains every point, ``random`` and ``tpe`` draw them.
        trials: Points that a search draws.
        prune: Whether the worse half of the points is stopped early.
        confirm: Held-out seeds with which the best point is trained again; 3 by default.
        config: A YAML file of settings.
        file: A sweep as a YAML file; arguments win over it.
        name: Name of the sweep's folder.
        runs_dir: Where runs and sweeps are.
        resume: A sweep to go on with as it is.
        options: Who trains, with how much memory, and the like: ``ppo_cli.api.sweep.SessionOptions``.
        hooks: How to follow and stop the sweep; by default notices become warnings.
        **settings: Settings that hold where nothing is swept: ``total_timesteps=20_000``, ``gamma=0.9``.

    Raises:
        UsageError: Something is unknown, not allowed, or missing; nothing was trained.
        CorruptFileError, RunLockedError, StorageError: As the exit codes of ``ppo`` have it.
    """
    params = [params] if isinstance(params, str) else params
    request = SweepRequest(
        env=env,
        config_file=None if config is None else Path(config),
        values=settings,
        values_label="settings",
        params=params,
        design=Design(zipped, seeds, search, trials, prune, confirm),
        sweep_file=None if file is None else Path(file),
        allow_import=options.allow_import,
    )
    if hooks.command is None:
        arguments = {"env": env, "params": params, "seeds": seeds, **settings}
        hooks = replace(hooks, command=call_text("sweep", arguments, (str, int, float, list, dict)))
    if resume is None:
        return run_sweep(request, name=name, runs_dir=Path(runs_dir), options=options, hooks=hooks)
    if not request.asks_for_nothing or name is not None:
        raise UsageError("resume goes on with a sweep as it is, and takes no settings", hint=TO_EXTEND)
    return resume_sweep(resume, runs_dir=Path(runs_dir), options=options, hooks=hooks)


def run_sweep(
    request: SweepRequest, *, name: str | None, runs_dir: Path, options: SessionOptions, hooks: Hooks
) -> dict[str, Any]:
    """Run the sweep of a request, in a new folder or in the one that the same request made before.

    Arguments, document and errors are those of :func:`sweep`.
    """
    spec, notices = make_spec(request)
    if spec.search != "grid":
        check_installed()
    try_environments(spec, runs_dir)
    folder, spec, more = open_sweep(spec, runs_dir, name)
    return _run(folder, spec, [*notices, *more], options, hooks)


def resume_sweep(ref: Ref, *, runs_dir: Path, options: SessionOptions, hooks: Hooks) -> dict[str, Any]:
    """Go on with a sweep as its ``sweep.yaml`` says; the document is that of :func:`sweep`.

    Args:
        ref: The sweep: a path, a name, a unique beginning of one, or ``latest``.
        runs_dir: Where runs and sweeps are.
        options: Who trains, with how much memory, and the like.
        hooks: How to follow and stop the sweep.

    Raises:
        UsageError: There is no such sweep, or it would import what was not agreed to.
        CorruptFileError: Its ``sweep.yaml`` is damaged.
    """
    folder = find_sweep(runs_dir, os.fspath(ref))
    spec = read_spec(folder.spec_path)
    agree_to_spec(spec, allow_import=options.allow_import, folder=folder.path)
    return _run(folder, spec, [], options, hooks)


def plan_sweep(
    request: SweepRequest, *, name: str | None, runs_dir: Path, options: SessionOptions, hooks: Hooks
) -> Plan:
    """Plan and measure a sweep without running it, as ``ppo sweep --dry-run`` does."""
    spec, notices = make_spec(request)
    try_environments(spec, runs_dir)
    plan = dry_run(spec, options, hooks.stop)
    return replace(plan, sweep_dir=runs_dir / (name or default_name(spec)), notices=notices)


def resume_command(sweep_dir: object) -> str:
    """Write the command line that goes on with a sweep; it repeats the consent to what the sweep imports."""
    consent = ["--allow-import"] if needs_consent(sweep_dir) else []
    return shlex.join(["ppo", "sweep", "--resume", str(sweep_dir), *consent])


def needs_consent(sweep_dir: object) -> bool:
    """Whether a sweep imports modules of the user's own."""
    return bool(imports_of_spec(read_spec(SweepDir(Path(str(sweep_dir))).spec_path)))


def _run(
    folder: SweepDir, spec: SweepSpec, notices: Sequence[str], options: SessionOptions, hooks: Hooks
) -> dict[str, Any]:
    """Train what is missing and draw the plots; returns the sweep's document."""
    from ppo_cli.report.sweep_plots import write_sweep_plots

    view = hooks.view(spec)
    with (
        hint_to_go_on(lambda: resume_command(folder.path)),
        open_session(folder, spec, options, hooks.command or "", hooks.stop) as session,
    ):
        remember_sweep(folder.path, spec)
        for message in notices:
            view.notice(message)
        if hooks.plan and not hooks.stop() and (plan := session.plan()):
            hooks.plan(plan)
        view.start()
        try:
            for report in session.runner.run():
                view.update(report)
        finally:
            view.stop()
        results = session.runner.results()
        plots: list[Path] = []
        if not hooks.stop():
            try:
                plots = write_sweep_plots(results)
            except UsageError as error:  # without matplotlib
                view.notice(f"{error.message}; {error.hint}")
        document: dict[str, Any] = strict({**summary(results), "plots": [str(path) for path in plots]})
        return document
