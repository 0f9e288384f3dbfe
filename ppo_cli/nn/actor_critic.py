"""Actor and critic of all members: two multilayer perceptrons of one shape for each member.

A member is R = 2 rows of the stack (1 without a critic), so the population is R M rows and each layer of all
networks is one batched matrix product, see :class:`~ppo_cli.nn.mlp.MLP`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from ppo_cli.nn.distributions import Distribution, sendable
from ppo_cli.nn.mlp import MLP
from ppo_cli.nn.policy_output import PolicyOutput
from ppo_cli.spaces import EnvSpec

POLICY_HEAD_GAIN = 0.01
VALUE_HEAD_GAIN = 1.0

Sampler = Callable[[Tensor, Tensor | None], Tensor]
"""Observations ``[M, N, O]`` and noise, or None for the most likely, to actions ``[M, N, ...]``."""


class ActorCritic:
    """The shape of one member's networks, and the batched functions over ``params [M, P]``.

    The object holds no parameters. It owns the work buffers, so one object serves one thread.

    Args:
        spec: The environment: O, A and the kind of action.
        hidden_sizes: Width of each hidden layer.
        activation: ``"relu"`` or ``"tanh"``.
        policy: Distribution of continuous actions, ``"gaussian"`` or ``"beta"``.
        critic: Whether there is one; without it values are zeros.

    Attributes:
        num_actions: Number of choices or length of an action: A.
        num_outputs: What the policy says of one observation: K numbers.
        has_log_std: Whether it has a standard deviation, which does not depend on the observation.
        num_params: Parameters of one member: P.
        kernels: The compiled kernels, where they do the work; None where torch does.
    """

    kernels: ctypes.CDLL | None = None

    def __init__(
        self,
        spec: EnvSpec,
        hidden_sizes: Sequence[int],
        activation: str,
        policy: str = "gaussian",
        critic: bool = True,
    ) -> None:
        self.spec = spec
        self.continuous = spec.action.kind == "box"
        self.num_actions = spec.action.size
        self.has_log_std = self.continuous and policy == "gaussian"
        self.num_outputs = self.num_actions * (2 if self.continuous and policy == "beta" else 1)
        extra = self.num_actions if self.has_log_std else 0
        self.mlp = MLP((spec.obs_size, *hidden_sizes, self.num_outputs), activation, extra)
        self.critic = critic
        self.num_params = self.mlp.row_params * (2 if critic else 1)

    def init(
        self,
        rngs: Sequence[np.random.Generator],
        log_std_init: Sequence[float],
    ) -> Tensor:  # [M, P]
        """Fresh parameters: orthogonal weights and zero biases.

        The gain is the activation's in hidden layers, 0.01 in the policy head and 1 in the value head.

        Args:
            rngs: One random stream per member.
            log_std_init: Initial log standard deviation of continuous actions, one per member.
        """
        members = [self._init_member(rng, value) for rng, value in zip(rngs, log_std_init, strict=True)]
        return torch.from_numpy(np.stack(members))

    def forward(
        self,
        params: Tensor,  # [M, P]
        obs: Tensor,  # [M, B, O]
    ) -> tuple[PolicyOutput, Tensor]:
        """Policy outputs and values ``[M, B]``, in buffers that the next call of this shape overwrites."""
        num_members, batch, obs_size = obs.shape
        rows = self._rows(params)
        inputs = self.mlp.buffer("inputs", len(rows), batch, obs_size)
        inputs.view(num_members, -1, batch, obs_size).copy_(obs[:, None])
        heads = self.mlp.forward(rows, inputs).view(num_members, -1, batch, self.mlp.head_width)
        policy = PolicyOutput(heads[:, 0, :, : self.num_outputs], self.log_std(params))
        return policy, heads[:, 1, :, 0] if self.critic else torch.zeros(num_members, batch)

    def backward(
        self,
        params: Tensor,  # [M, P], those of the last forward
        grad_outputs: Tensor,  # [M, B, K]
        grad_log_std: Tensor | None,  # [M, A]
        grad_values: Tensor,  # [M, B], ignored without a critic
    ) -> Tensor:  # [M, P]
        """Gradient of the parameters from the gradients of what the last :meth:`forward` returned.

        The result lives in a buffer that the next call overwrites.
        """
        num_members, batch = grad_values.shape
        rows = self._rows(params)
        stride = len(rows) // num_members
        grad = self.mlp.buffer("grad_heads", len(rows), batch, self.mlp.head_width).zero_()
        grad[0::stride, :, : self.num_outputs] = grad_outputs
        if self.critic:
            grad[1::2, :, 0] = grad_values
        grad_rows = self.mlp.backward(rows, grad)
        if grad_log_std is not None:
            grad_rows[:, self.mlp.layer_params :] = 0
            grad_rows[0::stride, self.mlp.layer_params :] = grad_log_std
        return grad_rows.view(num_members, -1)[:, : self.num_params]

    def judge(
        self,
        distribution: Distribution,
        params: Tensor,  # [M, P]
        obs: Tensor,  # [M, B', O], of which the first B have actions
        actions: Tensor,  # [M, B] or [M, B, A]
        *,
        keep_output: bool,
    ) -> tuple[Tensor, Tensor, PolicyOutput | None]:
        """Values ``[M, B']`` of a rollout, log-probabilities ``[M, B]`` of its actions, policy outputs.

        The outputs are None unless they are to be kept, and then in memory of their own.
        """
        output, values = self.forward(params, obs)
        old = output.first(actions.shape[1])
        return values, distribution.log_prob(old, actions), old.clone() if keep_output else None

    def sampler(self, distribution: Distribution, params: Tensor, num_envs: int) -> Sampler:
        """A function from observations ``[M, N, O]`` and noise to actions, while the parameters stay.

        Args:
            distribution: How actions are drawn; without noise the most likely ones are taken.
            params: ``[M, P]``.
            num_envs: N.
        """
        act = self.actor(params)

        def sample(obs: Tensor, noise: Tensor | None) -> Tensor:
            policy = act(obs)
            return distribution.mode(policy) if noise is None else distribution.sample(policy, noise)

        return sample

    def sendable(self, distribution: Distribution, actions: Tensor) -> Tensor:
        """Sampled actions as the environments may get them; these cut off what is out of bounds."""
        return sendable(distribution.send(actions))

    def act(self, params: Tensor, obs: Tensor) -> PolicyOutput:  # [M, P], [M, B, O]
        """Policy outputs alone, in a buffer that the next call of this shape overwrites."""
        return self.actor(params)(obs)

    def actor(self, params: Tensor) -> Callable[[Tensor], PolicyOutput]:  # [M, P]
        """:meth:`act` for many observations in turn, with ``params`` that stay where they are."""
        num_members = params.shape[0]
        rows = params.view(num_members, -1, self.mlp.row_params)[:, 0]
        num_rows = self.mlp.least_rows(num_members)
        layers, log_std = self.mlp.layers(rows.expand(num_rows, -1)), self.log_std(params)

        def act(obs: Tensor) -> PolicyOutput:
            outputs = self.mlp.run(layers, obs.expand(num_rows, -1, -1), bulk=False)
            return PolicyOutput(outputs[-1][:num_members, :, : self.num_outputs], log_std)

        return act

    def mean_std(self, params: Tensor) -> Tensor:  # [M]
        """Mean standard deviation of Gaussian actions; NaN for others."""
        if not self.has_log_std:
            return torch.full((params.shape[0],), torch.nan)
        return torch.stack([row[self._log_std_place].exp().mean() for row in params])

    def rates(self, actor: Tensor, critic: Tensor) -> Tensor:  # [M], [M] -> [M, R]
        """A number for each of a member's R networks, whose parameters are ``[M, P / R]`` each."""
        return torch.stack((actor, critic) if self.critic else (actor,), 1)

    def named_parameters(self, params: Tensor) -> dict[str, Tensor]:
        """Name one member's parameters ``[P]``, without the padding, as a policy file holds them."""
        named: dict[str, Tensor] = {}
        for net, row, width in self._nets(params):
            layers = self.mlp.layers(row[None])
            for index, (weight, bias) in enumerate(layers):
                n_out = width if index == len(layers) - 1 else weight.shape[2]
                named[f"{net}.{index}.weight"] = weight[0, :, :n_out]
                named[f"{net}.{index}.bias"] = bias[0, 0, :n_out]
        if self.has_log_std:
            named["log_std"] = params[self._log_std_place]
        return named

    def empty_member(self) -> Tensor:  # [P]
        """Parameters of zeros, to be filled through :meth:`named_parameters`."""
        return torch.zeros(self.num_params)

    @property
    def _log_std_place(self) -> slice:
        return slice(self.mlp.layer_params, self.mlp.row_params)

    def _nets(self, params: Tensor) -> list[tuple[str, Tensor, int]]:
        """Name, row of parameters and width of the head of each of a member's networks."""
        rows = params.view(-1, self.mlp.row_params)
        heads = (("actor", self.num_outputs), ("critic", 1))
        return [(name, row, width) for row, (name, width) in zip(rows, heads, strict=False)]

    def _init_member(self, rng: np.random.Generator, log_std_init: float) -> np.ndarray:
        member = self.empty_member()
        for net, row, width in self._nets(member):
            self.mlp.init_(row, rng, width, POLICY_HEAD_GAIN if net == "actor" else VALUE_HEAD_GAIN)
        if self.has_log_std:
            member[self._log_std_place] = log_std_init
        return member.numpy()

    def log_std(self, params: Tensor) -> Tensor | None:  # [M, 1, A]
        """The log standard deviation of Gaussian actions; None for others."""
        return params[:, None, self._log_std_place] if self.has_log_std else None

    def _rows(self, params: Tensor) -> Tensor:
        """The parameters as rows, one per network."""
        rows = params.view(-1, self.mlp.row_params)
        return rows.expand(self.mlp.least_rows(len(rows)), -1)
