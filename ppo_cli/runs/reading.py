"""Reading a run's settings and its summary, also when it was killed or damaged. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ppo_cli.errors import CorruptFileError, PpoError, UsageError

if TYPE_CHECKING:
    from ppo_cli.config.schema import RunConfig
    from ppo_cli.runs.run_dir import RunDir

UNFINISHED = "unfinished"
UNREADABLE = "unreadable"


def read_config(run: RunDir) -> RunConfig:
    """The settings of a run.

    Raises:
        CorruptFileError: ``config.yaml`` is damaged.
    """
    from ppo_cli.config.resolve import load_config  # listing runs that have summaries can do without

    try:
        return load_config(run.config_path)
    except UsageError as error:
        raise CorruptFileError(
            f"{run.config_path} is damaged: {error.message}",
            hint=error.hint,
            key=error.key,
            file=error.file,
            line=error.line,
        ) from error


def read_summary(run: RunDir) -> dict[str, Any] | None:
    """A run's summary, or None while there is none.

    A run that says it trains while nobody writes it was killed: it is interrupted.

    Raises:
        CorruptFileError: ``summary.json`` is damaged.
    """
    summary = run.read_summary()
    if summary is None or summary.get("status") != "training" or run.is_locked():
        return summary
    summary = run.read_summary()  # it may have ended between the first look and the look at the lock
    if summary is not None and summary.get("status") == "training":
        summary["status"] = "interrupted"
    return summary


def describe_run(run: RunDir) -> dict[str, Any]:
    """The document of a run: its summary, or what its config tells. A damaged run is described too."""
    document: dict[str, Any] = {"run_dir": str(run.path), "name": run.name}
    try:
        summary = read_summary(run)
        if summary is None:
            config = read_config(run)
            about = {"env_id": config.env_id, "algorithm": config.algorithm, "seed": config.seed}
            return {
                **document,
                **about,
                "status": UNFINISHED,
                "global_step": None,
                "wall_time": None,
                "eval": None,
            }
    except PpoError as error:
        return {**document, "status": UNREADABLE, "reason": error.message}
    return {**summary, **document}
