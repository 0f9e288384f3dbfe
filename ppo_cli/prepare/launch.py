"""From settings or run folders to populations that can be trained."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ppo_cli.config.dump import dump_config
from ppo_cli.config.identity import differing, result_settings, static_key
from ppo_cli.config.resolve import load_config, with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.envs.consent import remember_run
from ppo_cli.errors import CorruptFileError, UsageError
from ppo_cli.learn.population import Member, Population, plan
from ppo_cli.prepare.engine import check_engine
from ppo_cli.prepare.try_environment import try_environment, try_what_is_named
from ppo_cli.runs.checkpoints import checkpoint_iterations, go_back, load_latest_checkpoint
from ppo_cli.runs.names import run_name
from ppo_cli.runs.run_dir import RunDir, create_run_dir, find_run
from ppo_cli.spaces import EnvSpec


def prepare_new(
    configs: Sequence[RunConfig],
    *,
    runs_dir: Path,
    name: str | None,
    env_requested: str,
    command: str,
) -> list[Population]:
    """Make the run folders of new runs, after everything that could be refused has been tried.

    Args:
        configs: One per run.
        runs_dir: Where runs are.
        name: Name of the run, or beginning of the names when there are several; None for the default.
        env_requested: The environment id that the user typed.
        command: The command line, for the summary.

    Raises:
        UsageError: The environment, the shaping or the reference cannot be had, or the name is taken or no
            name.
        CorruptFileError: The reference is damaged.
        StorageError: The folders cannot be written.
    """
    for config in configs:
        try_what_is_named(config, _try_environment(config), runs_dir)
    made: list[RunDir] = []
    try:
        for config in configs:
            own = run_name(config, name, len(configs))
            made.append(create_run_dir(runs_dir, own, exact=name is not None, config=dump_config(config)))
    except BaseException:
        for run in made:
            run.discard()
        raise
    members = [
        Member(config, run, command=command, env_requested=env_requested)
        for config, run in zip(configs, made, strict=True)
    ]
    for config, run in zip(configs, made, strict=True):
        remember_run(run.path, config)
    return plan(members)


def prepare_resume(refs: Sequence[str], *, runs_dir: Path, total_timesteps: int | None) -> list[Population]:
    """Load runs where they stopped.

    Args:
        refs: Runs: paths, names, beginnings of names, or ``latest``.
        runs_dir: Where runs are.
        total_timesteps: Train to this many steps instead of what the runs were made for.

    Runs that are complete are passed over with a notice, as long as there is another one.

    Raises:
        UsageError: There is no such run, nothing is left to do, or ``total_timesteps`` would shorten one.
        CorruptFileError: A run's files are damaged beyond what an older checkpoint can mend.
    """
    notices: list[str] = []
    members: list[Member] = []
    complete: list[_CompleteError] = []
    named = (find_run(runs_dir, ref) for ref in refs)
    runs = {run.path.resolve(): run for run in named}.values()  # each once, however it is called
    for run in runs:
        _check_extends(run, total_timesteps)
    for run in runs:
        try:
            members.append(_resumed(run, total_timesteps, notices))
        except _CompleteError as error:
            complete.append(error)
    if not members:
        raise complete[0]
    notices.extend(error.message for error in complete)
    return _planned(members, notices)


def prepare_in_folder(
    configs: Mapping[str, RunConfig], folder: Path, *, env_requested: str, command: str
) -> list[Population]:
    """The runs of a sweep: those whose folders are there go on where they stopped, the others begin.

    Args:
        configs: The runs by name.
        folder: The sweep's folder.
        env_requested: The environment id that the user typed.
        command: The command line, for the summaries of runs that begin.

    Returns:
        Populations of what is left to do; complete runs are passed over.

    Raises:
        UsageError: A folder holds a run with other settings, or the environment or the reference cannot be
            had.
        CorruptFileError: A run's files are damaged beyond what an older checkpoint can mend, or the
            reference is.
        StorageError: The folders cannot be written.
    """
    notices: list[str] = []
    members: list[Member] = []
    different = {static_key(config): config for config in configs.values()}
    specs = {key: _try_environment(config) for key, config in different.items()}
    for name, config in configs.items():
        if not RunDir(folder / name).config_path.exists():  # the others have copies of their own
            try_what_is_named(config, specs[static_key(config)], folder.parent)
    for name, config in configs.items():
        run = RunDir(folder / name)
        if not run.config_path.exists():
            run = create_run_dir(folder, name, exact=True, config=dump_config(config))
            remember_run(run.path, config)
            members.append(Member(config, run, command=command, env_requested=env_requested))
            continue
        check_same_run(run, config)
        with contextlib.suppress(_CompleteError):
            members.append(_resumed(run, None, notices))
    return _planned(members, notices) if members else []


def _try_environment(config: RunConfig) -> EnvSpec:
    """Find out whether engine and environment are there and work, and whether the actions suit the policy."""
    check_engine(config)
    return try_environment(config)


def check_same_run(run: RunDir, config: RunConfig) -> None:
    """Check that a folder holds the run with these settings.

    Raises:
        UsageError: It holds another one; the message names the first setting that differs.
    """
    there = result_settings(load_config(run.config_path))
    for path, (value, other) in differing(result_settings(config), there).items():
        raise UsageError(
            f"{run.path} holds a run with {path} {other}, not {value}",
            hint="Give the sweep another --name, or move that folder away.",
            key=path,
            file=run.config_path,
        )


def _planned(members: Sequence[Member], notices: Sequence[str]) -> list[Population]:
    populations = plan(_aligned(members))
    return [replace(populations[0], notices=tuple(notices)), *populations[1:]]


def _aligned(members: Sequence[Member]) -> list[Member]:
    """Let members that could share a program go on from one iteration.

    A process that is killed between two members' checkpoints leaves them one checkpoint apart. Each keeps its
    last two, so there is one that all have; going back to it costs less than training in two groups.
    """
    runs = list(members)
    for key in dict.fromkeys(static_key(member.config) for member in runs):
        rows = [i for i, m in enumerate(runs) if static_key(m.config) == key and m.checkpoint and m.run_dir]
        if len({runs[i].iteration for i in rows}) < 2:
            continue
        have = [set(checkpoint_iterations(run)) for i in rows if (run := runs[i].run_dir)]
        common = set.intersection(*have)
        if common:
            for i in rows:
                runs[i] = _gone_back(runs[i], max(common))
    return runs


def _gone_back(member: Member, iteration: int) -> Member:
    run = member.run_dir
    assert run is not None
    if member.iteration == iteration:
        return member
    with run.lock():
        if not go_back(run, iteration):
            return member
        checkpoint = load_latest_checkpoint(run, lambda _: None)
    return replace(member, checkpoint=checkpoint)


class _CompleteError(UsageError):
    """Nothing is left to do for a run."""


def _check_extends(run: RunDir, total_timesteps: int | None) -> None:
    """A resumed run may become longer, never shorter: what it has annealed so far would be wrong."""
    if total_timesteps is None:
        return
    planned = load_config(run.config_path).total_timesteps
    if total_timesteps < planned:
        raise UsageError(
            f"{run.name} is to train {planned:,} steps, and {total_timesteps:,} are fewer",
            hint="--total-timesteps extends a resumed run; leave it out to go on as planned.",
            key="total_timesteps",
        )


def _resumed(run: RunDir, total_timesteps: int | None, notices: list[str]) -> Member:
    from ppo_cli.learn.summary import versions

    config = load_config(run.config_path)
    check_engine(config, run.name)
    summary = _summary(run, notices)
    with run.lock():
        checkpoint = load_latest_checkpoint(run, notices.append)
        planned = config.num_iterations
        if total_timesteps is not None and total_timesteps != config.total_timesteps:
            config = with_values(config, {"total_timesteps": total_timesteps})
            _check_not_done(run, config, checkpoint.iteration if checkpoint else 0, summary)
            run.write_config(dump_config(config))
            notices.extend(_jumps(run.name, config, planned, checkpoint.iteration if checkpoint else 0))
        else:
            _check_not_done(run, config, checkpoint.iteration if checkpoint else 0, summary)
    if checkpoint is None:
        notices.append(f"{run.name} has no checkpoint yet: it starts from the beginning")
    notices.extend(_differences(run.name, summary.get("versions"), versions(config.compute.engine)))
    return Member(
        config, run, checkpoint, str(summary.get("command", "")), str(summary.get("env_id_requested", ""))
    )


def _jumps(name: str, config: RunConfig, planned: int, done: int) -> list[str]:
    """What to say where a run is extended whose learning rate has fallen: it rises again.

    Args:
        name: The run.
        config: Its settings, extended.
        planned: Iterations that it was to have before.
        done: Iterations that it has had.
    """
    now, then = (max(0.0, 1 - done / whole) for whole in (config.num_iterations, planned))
    if not config.learning.anneal_lr or now - then < 0.01:
        return []
    rate = config.learning.learning_rate
    return [
        f"{name}: anneal_lr spreads the learning rate over the longer training, so it jumps from "
        f"{rate * then:.2g} to {rate * now:.2g} now, and the policy may lose before it gains"
    ]


def _summary(run: RunDir, notices: list[str]) -> Mapping[str, object]:
    """Read the run's summary, empty where it is damaged; training does not depend on it."""
    try:
        return run.read_summary() or {}
    except CorruptFileError as error:
        notices.append(f"{error.message}. It is written anew.")
        return {}


def _check_not_done(run: RunDir, config: RunConfig, iteration: int, summary: Mapping[str, object]) -> None:
    done = iteration * config.steps_per_iteration
    if done >= config.total_timesteps and summary.get("status") == "completed":
        raise _CompleteError(
            f"{run.name} is complete: {done:,} of {config.total_timesteps:,} steps",
            hint=f"To train it further, add --total-timesteps {2 * config.total_timesteps}.",
            key="total_timesteps",
        )


def _differences(name: str, before: object, now: Mapping[str, str]) -> list[str]:
    """List what has changed since the run was started and may change its bits."""
    from ppo_cli.learn.summary import NO_MATTER

    if not isinstance(before, dict):
        return []
    changed = [
        f"{key} {before[key]} → {now[key]}"
        for key in now
        if key not in NO_MATTER and key in before and before[key] != now[key]
    ]
    if not changed:
        return []
    return [f"{name} was started elsewhere ({', '.join(changed)}): it goes on, but perhaps not bit for bit"]
