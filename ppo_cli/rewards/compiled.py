"""Rewards of single steps by the compiled kernels: those of :mod:`ppo_cli.rewards.mlp`, to rounding."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import torch
from torch import Tensor

from ppo_cli.kernels import structs
from ppo_cli.kernels.judging import judge
from ppo_cli.nn.compiled import by_rows
from ppo_cli.nn.mlp import MLP
from ppo_cli.rewards.mlp import MlpReward


class CompiledMlpReward(MlpReward):
    """Networks of the same shape as others, for use; they are fitted by those others.

    A member's bits depend neither on the other members nor on the number of threads.

    Args:
        kernels: The library, see :mod:`ppo_cli.kernels.library`.
        network: What they equal, to rounding.
        num_threads: Members of the ensemble at work at once.
    """

    def __init__(self, kernels: ctypes.CDLL, network: MlpReward, num_threads: int = 1) -> None:
        vars(self).update(vars(network))
        self._kernels, self._num_threads = kernels, num_threads
        self._shapes = [_shape(net) for net in network.nets]

    def outputs(self, params: Tensor, inputs: Sequence[Tensor]) -> list[Tensor]:
        """See :class:`MlpReward`."""
        found = []
        for shape, place, own in zip(self._shapes, self.places, inputs, strict=True):
            rows, shared = by_rows(params[:, place]), by_rows(own.expand(len(params), -1, -1))
            said = judge(
                self._kernels, shape, rows, shared, None, wanted=("heads",), num_threads=self._num_threads
            )
            found.append(torch.from_numpy(said["heads"][..., 0]))
        return found


def _shape(net: MLP) -> structs.Network:
    return structs.network(
        obs_size=net.shapes[0][0],
        num_actions=1,
        num_outputs=net.num_outputs,
        hidden_sizes=net.hidden_sizes,
        head_width=net.head_width,
        row_params=net.row_params,
        distribution="categorical",  # no action is drawn from what it says
        activation=net.activation_name,
        critic=False,
    )
