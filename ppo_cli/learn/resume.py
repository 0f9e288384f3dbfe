"""The training state as a checkpoint holds it, and how training goes on from there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ppo_cli.config.identity import ENGINE, differing, training_settings
from ppo_cli.envs.episodes import EpisodeProgress
from ppo_cli.envs.member_envs import MemberEnvs
from ppo_cli.errors import CorruptFileError, UsageError
from ppo_cli.learn.learner_state import LearnerState
from ppo_cli.learn.population import Member

ENV_PREFIX = "env."  # of the tensors that say where the environments stand


def checkpoint_tensors(state: LearnerState, progress: EpisodeProgress, row: int) -> dict[str, np.ndarray]:
    """Take one member's part of the learner's state and of its environments' episodes, by name."""
    place = progress.member(row).tensors()
    return state.member_tensors(row) | {ENV_PREFIX + name: value for name, value in place.items()}


def resume(members: Sequence[Member], num_params: int, envs: MemberEnvs) -> tuple[LearnerState, str | None]:
    """Restore a population's state from its members' checkpoints; ``envs`` replay their unfinished episodes.

    Returns:
        The state, and what the user should know when an environment did not come back to where it was.

    Raises:
        UsageError: A run's ``config.yaml`` has changed since its checkpoint.
        CorruptFileError: A checkpoint does not hold what its settings need.
    """
    for member in members:
        _check_settings(member)
    checkpoints = [member.checkpoint for member in members if member.checkpoint]
    try:
        state = LearnerState.stack(
            checkpoints[0].iteration, [checkpoint.tensors for checkpoint in checkpoints]
        )
        if state.agent.params.shape != (len(members), num_params):
            raise ValueError(f"{state.agent.params.shape[1]} parameters where the networks have {num_params}")
        places = [
            EpisodeProgress.from_tensors(
                {name.removeprefix(ENV_PREFIX): value for name, value in checkpoint.tensors.items()}
            )
            for checkpoint in checkpoints
        ]
        replay = envs.restore(EpisodeProgress.stack(places))
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
        name = members[0].name
        raise CorruptFileError(f"the checkpoint of {name} does not fit its settings: {error}") from error
    return state, replay.message


def _check_settings(member: Member) -> None:
    assert member.checkpoint is not None
    # Checkpoints without an engine are older than the choice: torch wrote them.
    before: dict[str, Any] = {ENGINE: "torch"} | member.checkpoint.meta.get("settings", {})
    for path, (was, now) in differing(before, training_settings(member.config)).items():
        raise UsageError(
            f"{member.name}: {path} was {was} when the run was started and is {now} now",
            hint=f"A run keeps its settings. Set it back to {was}, or start a new run with --config.",
            key=path,
            file=member.run_dir.config_path if member.run_dir else None,
        )
