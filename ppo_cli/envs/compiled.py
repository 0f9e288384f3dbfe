"""The classic-control environments by compiled kernels: Gymnasium's to the bit, and played without Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppo_cli.envs.factory import Env, spec_of
from ppo_cli.envs.registry import registered_spec
from ppo_cli.kernels.agreement import compiled_environments
from ppo_cli.kernels.environments import CompiledEnvironments, EnvironmentStruct
from ppo_cli.kernels.library import available
from ppo_cli.kernels.playing import EndedEpisodes, Game, Places, Player, Steps, play

Array = NDArray[Any]

_NOT_OF_THE_PHYSICS = ("render_mode", "max_episode_steps")


@dataclass(frozen=True)
class Start:
    """How episodes start.

    Attributes:
        seeds: The members' seeds, length M.
        stream: What the episodes are for.
        group_size: Environments side by side that start alike.
    """

    seeds: Sequence[int]
    stream: int
    group_size: int


class CompiledBackend:
    """R environments of one kind, see :class:`ppo_cli.envs.backends.Backend`. Make it with :meth:`of`.

    Attributes:
        spec: See :class:`ppo_cli.envs.backends.Backend`, and so for those that follow.
        step_limit: See above.
        action_dtype: See above.
    """

    def __init__(self, environments: CompiledEnvironments, env_id: str, first: Env) -> None:
        """Internal: see :meth:`of`."""
        self.spec = spec_of(env_id, first)
        self.step_limit = self.spec.max_episode_steps
        self.action_dtype = np.dtype(np.int64 if self.spec.action.kind == "discrete" else np.float32)
        self._environments = environments
        same = environments.environment
        self._environment = EnvironmentStruct(same.kind, same.obs_size, self.step_limit or 0, same.argument)
        first.close()

    @classmethod
    def of(
        cls, env_id: str, env_kwargs: Mapping[str, Any], num_rows: int, first: Env
    ) -> CompiledBackend | None:
        """The compiled environments that play as ``first`` does, to the bit; None when there are none.

        Args:
            env_id: Of the environment.
            env_kwargs: Arguments of its constructor.
            num_rows: R.
            first: One such environment, with nothing around it but what ``gym.make`` puts there. Closed if it
                is not needed any more.
        """
        library = available()
        if isinstance(library, str):
            return None
        registered = registered_spec(env_id)
        given = {**registered.kwargs, **env_kwargs}
        arguments = {name: value for name, value in given.items() if name not in _NOT_OF_THE_PHYSICS}
        found = compiled_environments(library, registered.entry_point, arguments, num_rows, None)
        return None if isinstance(found, str) else cls(found, env_id, first)

    def places(self, obs: Array, episodes: Array, lengths: Array, returns: Array, pending: Array) -> Places:
        """Where the environments stand, ``[M, N, ...]`` each, for :meth:`play`, which changes it in place."""
        state = self._environments.state.reshape(*pending.shape, -1)
        return Places(state, obs, episodes, lengths, returns, pending)

    def play(
        self,
        player: Player,
        noise: Array | None,  # [M, T, N, ...]
        num_steps: int,
        episodes: int,
        start: Start,
        places: Places,
        keep_steps: bool,
        exact_rewards: bool = False,
    ) -> tuple[Steps | None, list[EndedEpisodes]]:
        """Take T steps with a policy: the steps, if they are to be kept, and each member's ended episodes.

        Rewards are kept as float64, too, with ``exact_rewards``.
        """
        action = self.spec.action
        low, high = (bound[0] if bound else 0.0 for bound in (action.low, action.high))
        game = Game(
            self._environment, num_steps, episodes, start.group_size, start.seeds, start.stream,
            player.sending, low, high,
        )  # fmt: skip
        steps = None
        if keep_steps:
            normalized = player.normalization is not None
            steps = Steps.room(
                places, num_steps, self.action_dtype, normalized=normalized, exact=exact_rewards
            )
        return steps, play(player, game, places, noise, steps)

    def reset(self, rows: Sequence[int], seeds: Sequence[int], obs: Array) -> None:
        """See :class:`ppo_cli.envs.backends.Backend`."""
        self._environments.reset(rows, seeds, obs)

    def step(self, actions: Array, mask: Array, obs: Array) -> tuple[Array, Array, Array]:
        """See :class:`ppo_cli.envs.backends.Backend`."""
        return self._environments.step(actions, mask, obs)

    def keep(self, rows: Sequence[int]) -> None:
        """See :class:`ppo_cli.envs.backends.Backend`."""
        self._environments.keep(rows)

    def close(self) -> None:
        """See :class:`ppo_cli.envs.backends.Backend`; there is nothing to free."""
