"""Play a trained policy, as ``ppo eval`` does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppo_cli.errors import UsageError
from ppo_cli.runs.reading import read_config
from ppo_cli.runs.run_dir import find_run
from ppo_cli.storage.json_file import strict

if TYPE_CHECKING:
    from ppo_cli.api.runs import Ref


def evaluate(
    run: Ref,
    *,
    episodes: int = 100,
    seed: int = 0,
    best: bool = False,
    stochastic: bool = False,
    runs_dir: Ref = "runs",
    allow_import: bool = False,
) -> dict[str, Any]:
    """Play a run's policy on fresh episodes, by the environment's own reward; what ``ppo eval --json`` gives.

    Args:
        run: A path, a name under ``runs_dir``, a unique beginning of one, ``latest``, or a run.
        episodes: Number of episodes.
        seed: Seed of the start states.
        best: Take the policy with the best evaluation instead of the last one.
        stochastic: Draw actions instead of taking the most likely one each time.
        runs_dir: Where runs are.
        allow_import: Whether the run may name modules of the user's own to import.

    Raises:
        UsageError: There is no such run, or it has no policy yet.
        CorruptFileError: Its files are damaged.
    """
    if episodes < 1:
        raise UsageError(f"{episodes} episodes tell nothing", hint="at least 1", key="episodes")
    folder = find_run(Path(runs_dir), os.fspath(run))
    config = read_config(folder)
    from ppo_cli.envs.consent import agree_to_run  # Gymnasium, and then torch, for a run that is there

    agree_to_run(config, allow_import=allow_import, folder=folder.path)
    from ppo_cli.play.evaluate import evaluate_run

    stats = evaluate_run(folder, episodes=episodes, seed=seed, best=best, deterministic=not stochastic)
    about = {"run_dir": str(folder.path), "env_id": config.env_id, "seed": seed, "best": best}
    document: dict[str, Any] = strict({**about, **stats.to_json(), "returns": stats.returns})
    return document
