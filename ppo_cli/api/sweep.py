"""Study settings: what ``ppo sweep`` does."""

from __future__ import annotations

import contextlib
import os
import shlex
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppo_cli.errors import StorageError, UsageError
from ppo_cli.storage.json_file import strict
from ppo_cli.sweeps.choose.optuna_search import check_installed
from ppo_cli.sweeps.folder.opening import default_name, open_sweep
from ppo_cli.sweeps.folder.sweep_dir import SweepDir, find_sweep
from ppo_cli.sweeps.folder.sweep_yaml import read_spec
from ppo_cli.sweeps.plan.try_environments import try_environments
from ppo_cli.sweeps.results.summary import summary
from ppo_cli.sweeps.running.session import SessionOptions, dry_run, open_session
from ppo_cli.sweeps.spec.consent import agree_to_spec
from ppo_cli.sweeps.spec.make_spec import make_spec
from ppo_cli.sweeps.spec.request import Design, SweepRequest

if TYPE_CHECKING:
    from ppo_cli.sweeps.plan.plan import Plan
    from ppo_cli.sweeps.running.progress import SweepReport, SweepView
    from ppo_cli.sweeps.spec.sweep_spec import Search, SweepSpec

Ref = str | os.PathLike[str]


_CALLER = 5  # calls from a warning up to who called `sweep`


class WarningView:
    """Shows no progress; what the user should know becomes a warning where ``sweep`` is called."""

    def start(self) -> None:
        """Nothing to begin."""

    def update(self, report: SweepReport) -> None:
        """Warn of its notices."""
        for message in report.notices:
            warnings.warn(message, stacklevel=_CALLER)

    def notice(self, message: str) -> None:
        """Warn."""
        warnings.warn(message, stacklevel=_CALLER)

    def stop(self) -> None:
        """Nothing to end."""


@dataclass(frozen=True)
class Hooks:
    """How a caller follows and stops a sweep.

    Attributes:
        stop: Asked often; when true, every run under way is stopped with a checkpoint.
        view: Makes the view of a sweep that is about to be run.
        plan: Is given what will be trained and what that will take; None does not measure it.
        command: The command line, for the summaries of the runs; None for the call in Python.
    """

    stop: Callable[[], bool] = lambda: False
    view: Callable[[SweepSpec], SweepView] = lambda spec: WarningView()
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
        hooks = replace(hooks, command=_call({"env": env, "params": params, "seeds": seeds, **settings}))
    if resume is None:
        return run_sweep(request, name=name, runs_dir=Path(runs_dir), options=options, hooks=hooks)
    if not request.asks_for_nothing or name is not None:
        raise UsageError("resume goes on with a sweep as it is, and takes no settings", hint=TO_EXTEND)
    return resume_sweep(resume, runs_dir=Path(runs_dir), options=options, hooks=hooks)


def run_sweep(
    request: SweepRequest, *, name: str | None, runs_dir: Path, options: SessionOptions, hooks: Hooks
) -> dict[str, Any]:
    """As :func:`sweep`, of a request: in a new folder, or in the one that the same request made before."""
    spec, notices = make_spec(request)
    if spec.search != "grid":
        check_installed()
    try_environments(spec, runs_dir)
    folder, spec, more = open_sweep(spec, runs_dir, name)
    return _run(folder, spec, [*notices, *more], options, hooks)


def resume_sweep(ref: Ref, *, runs_dir: Path, options: SessionOptions, hooks: Hooks) -> dict[str, Any]:
    """As :func:`sweep`, going on with a sweep as its ``sweep.yaml`` says.

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
    agree_to_spec(spec, allow_import=options.allow_import)
    return _run(folder, spec, [], options, hooks)


def plan_sweep(
    request: SweepRequest, *, name: str | None, runs_dir: Path, options: SessionOptions, hooks: Hooks
) -> Plan:
    """What a sweep would take, without running it: what ``ppo sweep --dry-run`` shows."""
    spec, notices = make_spec(request)
    try_environments(spec, runs_dir)
    plan = dry_run(spec, options, hooks.stop)
    return replace(plan, sweep_dir=runs_dir / (name or default_name(spec)), notices=notices)


def resume_command(sweep_dir: object, *, allow_import: bool) -> str:
    """The command line that goes on with a sweep.

    Args:
        sweep_dir: Its folder.
        allow_import: Whether importing user modules was allowed, so that the command allows it again.
    """
    consent = ["--allow-import"] if allow_import else []
    return shlex.join(["ppo", "sweep", "--resume", str(sweep_dir), *consent])


def _run(
    folder: SweepDir, spec: SweepSpec, notices: Sequence[str], options: SessionOptions, hooks: Hooks
) -> dict[str, Any]:
    """Train what is missing, draw the plots; the sweep's document."""
    from ppo_cli.report.sweep_plots import write_sweep_plots

    view = hooks.view(spec)
    with (
        _hint_to_go_on(folder, options),
        open_session(folder, spec, options, hooks.command or "", hooks.stop) as session,
    ):
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


@contextlib.contextmanager
def _hint_to_go_on(folder: SweepDir, options: SessionOptions) -> Iterator[None]:
    """Say after a full disk how to go on."""
    try:
        yield
    except StorageError as error:
        go_on = f"Then go on: {resume_command(folder.path, allow_import=options.allow_import)}"
        error.hint = f"{error.hint} {go_on}" if error.hint else go_on
        raise


def _call(given: Mapping[str, Any]) -> str:
    """The call in Python as text, for summaries; what could not be typed again is left out."""
    shown = {
        name: value for name, value in given.items() if isinstance(value, str | int | float | list | dict)
    }
    return f"ppo_cli.sweep({', '.join(f'{name}={value!r}' for name, value in shown.items())})"
