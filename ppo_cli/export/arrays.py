"""A trained policy as plain arrays: what every exported format is made from."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ppo_cli.play.policy import Policy, PolicyShape
from ppo_cli.spaces import ActionSpec

Array = NDArray[Any]
Head = Literal["logits", "mean", "squashed", "shapes"]
Layers = tuple[tuple[Array, Array], ...]  # weight [in, out] and bias [out], float32, first layer first


@dataclass(frozen=True)
class Normalization:
    """The normalisation of observations: ``clip((obs - mean) * inverse_std, -clip, clip)``, in float32.

    Attributes:
        mean: ``[O]``.
        inverse_std: ``[O]``.
        clip: Largest absolute value that comes out.
    """

    mean: Array
    inverse_std: Array
    clip: float

    def clipped(self, obs: Array) -> Array:  # [B, O] -> [B] bool
        """Find the observations that the clipping changes."""
        outside = np.abs((obs - self.mean) * self.inverse_std) > self.clip
        changed: Array = np.any(outside, axis=1)
        return changed


@dataclass(frozen=True)
class PolicyArrays:
    """The numbers of a policy, as ``Policy.predict`` uses them.

    Attributes:
        obs_size: Length of an observation: O.
        action: The action space.
        activation: ``"relu"`` or ``"tanh"``, after every layer but the last.
        head: What the actor's numbers mean: ``logits`` of a discrete action, the ``mean`` of a Gaussian one,
            the ``squashed`` mean of one that is bent into the bounds, or the ``shapes`` of a Beta one.
        actor: The layers that give them.
        critic: The layers that give the value; None where the algorithm learns none.
        log_std: ``[A]`` of a Gaussian action, None of others.
        normalization: None where observations are taken as they are.
    """

    obs_size: int
    action: ActionSpec
    activation: str
    head: Head
    actor: Layers
    critic: Layers | None
    log_std: Array | None
    normalization: Normalization | None

    @property
    def bounds(self) -> tuple[Array, Array]:
        """Lower and upper bounds of a box action, ``[A]`` float32 each."""
        return np.array(self.action.low, np.float32), np.array(self.action.high, np.float32)


def arrays_of(policy: Policy) -> PolicyArrays:
    """Lay a policy out as arrays. They are copies."""
    shape, normalizer = policy.shape, policy.normalizer
    named = policy.net.named_parameters(policy.params[0])
    arrays = {name: np.array(value.numpy(), np.float32) for name, value in named.items()}
    normalization = None
    if normalizer.mean is not None:
        mean, inverse_std = (
            np.array(part[0, 0].numpy()) for part in (normalizer.mean, normalizer.inverse_std)
        )
        normalization = Normalization(mean, inverse_std, shape.clip_obs)
    actor = _layers(arrays, "actor")
    assert actor is not None
    return PolicyArrays(
        obs_size=shape.spec.obs_size,
        action=shape.spec.action,
        activation=shape.activation,
        head=_head(shape),
        actor=actor,
        critic=_layers(arrays, "critic"),
        log_std=arrays.get("log_std"),
        normalization=normalization,
    )


def _head(shape: PolicyShape) -> Head:
    if shape.spec.action.kind == "discrete":
        return "logits"
    if shape.policy == "beta":
        return "shapes"
    return "squashed" if shape.squash else "mean"


def _layers(arrays: Mapping[str, Array], net: str) -> Layers | None:
    """The layers of one network, or None if the policy has no such network."""
    names = itertools.takewhile(
        lambda name: f"{name}.weight" in arrays, (f"{net}.{index}" for index in itertools.count())
    )
    return tuple((arrays[f"{name}.weight"], arrays[f"{name}.bias"]) for name in names) or None
