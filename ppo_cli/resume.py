"""What a checkpoint holds of the training state, and how training goes on from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ppo_cli.checkpoints import Checkpoint
from ppo_cli.envs.episodes import EpisodeProgress
from ppo_cli.envs.member_envs import MemberEnvs
from ppo_cli.train_state import TrainState

ENV_PREFIX = "env."  # of the tensors that say where the environments stand


def checkpoint_tensors(state: TrainState, progress: EpisodeProgress, row: int) -> dict[str, np.ndarray]:
    """One member's part of the learner's state and of its environments' episodes, by name."""
    place = progress.member(row).tensors()
    return state.member_tensors(row) | {ENV_PREFIX + name: value for name, value in place.items()}


def resume(checkpoints: Sequence[Checkpoint], envs: MemberEnvs) -> tuple[TrainState, str | None]:
    """The state of a population from its members' checkpoints; ``envs`` replay their unfinished episodes.

    Returns:
        The state, and what the user should know when an environment did not come back to where it was.
    """
    places = [
        EpisodeProgress.from_tensors(
            {name.removeprefix(ENV_PREFIX): value for name, value in one.tensors.items()}
        )
        for one in checkpoints
    ]
    replay = envs.restore(EpisodeProgress.stack(places))
    return TrainState.stack(checkpoints[0].iteration, [one.tensors for one in checkpoints]), replay.message
