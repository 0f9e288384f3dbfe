"""What a reward model sees of a transition: scaled as its fit has frozen it, never by running statistics.

next observation, change of the observation, action (one-hot), whether the task ended the episode
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ppo_cli.spaces import ActionSpec, EnvSpec

LARGEST = 10.0  # inputs are cut off at plus and minus this
SMALLEST_STD = 1e-6


@dataclass(frozen=True)
class Transitions:
    """Transitions of one shape ``[...]``.

    Attributes:
        obs: Before the step, ``[..., O]``.
        actions: As the environment got them, ``[...]`` int64 or ``[..., A]``.
        next_obs: After it, ``[..., O]``.
        terminated: Whether the task ended the episode, ``[...]`` bool.
    """

    obs: Tensor
    actions: Tensor
    next_obs: Tensor
    terminated: Tensor


@dataclass(frozen=True)
class Inputs:
    """How observations are scaled, frozen when a model is fitted.

    Attributes:
        mean: Of observations, ``[O]``.
        std: Of observations, ``[O]``.
        delta_std: Of their changes in a step, ``[O]``.
    """

    mean: Tensor
    std: Tensor
    delta_std: Tensor

    @classmethod
    def of(cls, obs: Tensor, next_obs: Tensor) -> Inputs:
        """From transitions ``[B, O]``, in double precision."""
        seen = next_obs.double()
        std, delta_std = (values.std(0, correction=0) for values in (seen, (next_obs - obs).double()))
        wide = [values.where(values > SMALLEST_STD, 1.0).float() for values in (std, delta_std)]
        return cls(seen.mean(0).float(), *wide)

    def state(self, obs: Tensor) -> Tensor:  # [..., O] -> [..., O]
        """A scaled observation."""
        return ((obs - self.mean) / self.std).clamp_(-LARGEST, LARGEST)

    def step(self, seen: Transitions, action: ActionSpec, loudness: float) -> Tensor:  # [..., 2 O + A + 1]
        """All that is seen of transitions.

        Args:
            seen: The transitions.
            action: What actions are.
            loudness: Factor on what says what was done, the change and the action. Good policies act in other
                ways than bad ones, so a model that hears it loudly pays for acting as they do.
        """
        change = ((seen.next_obs - seen.obs) / self.delta_std).clamp_(-LARGEST, LARGEST)
        done = torch.cat((change, action_inputs(seen.actions, action)), -1)
        return torch.cat((self.state(seen.next_obs), loudness * done, seen.terminated.float()[..., None]), -1)


def num_step_inputs(spec: EnvSpec) -> int:
    """Numbers that :meth:`Inputs.step` makes of a transition."""
    return 2 * spec.obs_size + spec.action.size + 1


def action_inputs(actions: Tensor, action: ActionSpec) -> Tensor:  # [..., A]
    """A choice as one-hot; a vector from its bounds to -1 and 1, where both are finite."""
    if action.kind == "discrete":
        return torch.nn.functional.one_hot(actions, action.size).float()
    low, high = torch.tensor(action.low), torch.tensor(action.high)
    inside = torch.minimum(torch.maximum(actions, low), high)
    width = high - low
    bounded = torch.isfinite(width) & (width > 0)
    scaled = 2 * (inside - low) / width.where(bounded, 1.0) - 1
    return torch.where(bounded, scaled, inside)
