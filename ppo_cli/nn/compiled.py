"""Actor and critic by the compiled kernels: the networks of :mod:`ppo_cli.nn.actor_critic`, to rounding."""

from __future__ import annotations

import ctypes

import numpy as np
import torch
from torch import Tensor

from ppo_cli.kernels import learning, structs
from ppo_cli.kernels.acting import Actors, bend
from ppo_cli.kernels.judging import judge
from ppo_cli.kernels.playing import AS_IT_IS, BENT, SCALED, Normalization, Player
from ppo_cli.nn.actor_critic import ActorCritic, Sampler
from ppo_cli.nn.beta import Beta
from ppo_cli.nn.distributions import Distribution, sendable
from ppo_cli.nn.gaussian import DiagonalGaussian
from ppo_cli.nn.normalize import ObsNormalizer
from ppo_cli.nn.policy_output import PolicyOutput


class CompiledActorCritic(ActorCritic):
    """Networks of the same shape as others, in whose place an agent can have them.

    What the functions give is in memory of its own. A member's bits depend neither on the other members nor
    on the number of threads.

    Args:
        kernels: The library, see :mod:`ppo_cli.kernels.library`.
        net: What they equal, to rounding.
        num_threads: Members at work at once.

    Attributes:
        kernels: See above.
        network: The shape, for the kernels.
        num_threads: See above.
    """

    kernels: ctypes.CDLL

    def __init__(self, kernels: ctypes.CDLL, net: ActorCritic, num_threads: int = 1) -> None:
        vars(self).update(vars(net))
        self.kernels, self.num_threads = kernels, num_threads
        self.network = network_of(net)
        self._tapes: dict[tuple[int, int], learning.Tape] = {}
        self._tape: learning.Tape | None = None

    def forward(self, params: Tensor, obs: Tensor) -> tuple[PolicyOutput, Tensor]:
        """See :class:`ActorCritic`."""
        rows = by_rows(obs)
        num_members, size, _ = rows.shape
        if (num_members, size) not in self._tapes:
            self._tapes[num_members, size] = learning.Tape(self.kernels, self.network, num_members, size)
        self._tape = self._tapes[num_members, size]
        heads, values = learning.forward(
            self.kernels, self.network, by_rows(params), rows, self._tape, self.num_threads
        )
        return PolicyOutput(torch.from_numpy(heads), self.log_std(params)), torch.from_numpy(values)

    def backward(
        self, params: Tensor, grad_outputs: Tensor, grad_log_std: Tensor | None, grad_values: Tensor
    ) -> Tensor:
        """See :class:`ActorCritic`."""
        assert self._tape is not None, "backward comes after forward"
        log_std = None if grad_log_std is None else by_rows(grad_log_std)
        grads, _ = learning.backward(
            self.kernels, self.network, by_rows(params), by_rows(grad_outputs), log_std, by_rows(grad_values),
            self._tape, self.num_threads,
        )  # fmt: skip
        return torch.from_numpy(grads)

    def judge(
        self, distribution: Distribution, params: Tensor, obs: Tensor, actions: Tensor, *, keep_output: bool
    ) -> tuple[Tensor, Tensor, PolicyOutput | None]:
        """See :class:`ActorCritic`."""
        wanted = ("values", "log_probs", *(("heads",) if keep_output else ()))
        found = judge(
            self.kernels, self.network, by_rows(params), by_rows(obs), by_rows(actions),
            wanted=wanted, num_threads=self.num_threads,
        )  # fmt: skip
        output = None
        if keep_output:
            output = PolicyOutput(torch.from_numpy(found["heads"]), self.log_std(params.clone()))
        return torch.from_numpy(found["values"]), torch.from_numpy(found["log_probs"]), output

    def player(
        self, distribution: Distribution, params: Tensor, num_envs: int, normalizer: ObsNormalizer
    ) -> Player:
        """The members' policies, ready to play compiled environments."""
        normalization = None
        if normalizer.mean is not None:
            mean, inverse_std = by_rows(normalizer.mean[:, 0]), by_rows(normalizer.inverse_std[:, 0])
            normalization = Normalization(mean, inverse_std, by_rows(normalizer.clip.flatten()))
        actors = Actors(self.kernels, self.network, by_rows(params), num_envs)
        return Player(self.kernels, actors, normalization, _sending(distribution), self.num_threads)

    def sampler(self, distribution: Distribution, params: Tensor, num_envs: int) -> Sampler:
        """See :class:`ActorCritic`."""
        actors = Actors(self.kernels, self.network, by_rows(params), num_envs)

        def sample(obs: Tensor, noise: Tensor | None) -> Tensor:
            return torch.from_numpy(actors.act(by_rows(obs), None if noise is None else by_rows(noise)))

        return sample

    def sendable(self, distribution: Distribution, actions: Tensor) -> Tensor:
        """See :class:`ActorCritic`."""
        if not isinstance(distribution, DiagonalGaussian) or distribution.bounds is None:
            return super().sendable(distribution, actions)
        fractions = torch.from_numpy(bend(self.kernels, actions.numpy()))
        return sendable(distribution.bounds.scale(fractions))


def network_of(net: ActorCritic) -> structs.Network:
    """The shape of the networks, for the kernels."""
    return structs.network(
        obs_size=net.spec.obs_size,
        num_actions=net.num_actions,
        num_outputs=net.num_outputs,
        hidden_sizes=net.mlp.hidden_sizes,
        head_width=net.mlp.head_width,
        row_params=net.mlp.row_params,
        distribution="gaussian" if net.has_log_std else "beta" if net.continuous else "categorical",
        activation=net.mlp.activation_name,
        critic=net.critic,
    )


def _sending(distribution: Distribution) -> int:
    """How what a distribution samples becomes an action."""
    if isinstance(distribution, Beta):
        return SCALED
    return BENT if isinstance(distribution, DiagonalGaussian) and distribution.bounds else AS_IT_IS


def by_rows(values: Tensor) -> np.ndarray:
    """An array ``[M, ...]`` with contiguous rows: of the same memory if it has them, else a copy."""
    if values.is_contiguous() or (len(values) and values[0].is_contiguous()):
        return values.numpy()
    return values.contiguous().numpy()
