"""Reading run folders for ``list``, ``show`` and ``eval``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ppo_cli.errors import PpoError
from ppo_cli.runs.reading import read_config, read_summary

if TYPE_CHECKING:
    from ppo_cli.runs.run_dir import RunDir

UNFINISHED = "unfinished"
UNREADABLE = "unreadable"


def describe_run(run: RunDir) -> dict[str, Any]:
    """A run's document: its summary, or what its config tells. A damaged run is described too."""
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
