"""A fitted reward model: an ensemble with all that is needed to use it, and how it is stored (no pickle)."""

from __future__ import annotations

import ctypes
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppo_cli.config.preference_settings import FitSettings
from ppo_cli.errors import CorruptFileError, UsageError
from ppo_cli.rewards.compiled import CompiledMlpReward
from ppo_cli.rewards.inputs import Inputs, Transitions
from ppo_cli.rewards.mlp import MlpReward
from ppo_cli.rewards.network import RewardNetwork
from ppo_cli.rewards.transformer import TransformerReward
from ppo_cli.spaces import ActionSpec, EnvSpec
from ppo_cli.storage.tensor_file import load_tensors, save_tensors

FORMAT = 1
KIND = "ppo-reward"
BLOCK = 4096  # sequences that are scored at a time
_MALFORMED = (KeyError, TypeError, ValueError, OverflowError, RuntimeError, UsageError)


@dataclass(frozen=True)
class RewardShape:
    """What is needed to rebuild the networks, next to the weights.

    Attributes:
        spec: The environment whose steps are judged.
        settings: How the model was fitted.
        length: Steps of a clip.
        judged_by: What the teacher judged by, for people; ``random`` of an untrained model.
        constant: Whether every step is worth 1, whatever the weights.
    """

    spec: EnvSpec
    settings: FitSettings
    length: int
    judged_by: str
    constant: bool = False

    def network(self) -> RewardNetwork:
        """The networks of this shape."""
        own = self.settings
        if own.network == "transformer":
            return TransformerReward(self.spec, own.width, own.layers, self.length)
        return MlpReward(self.spec, own.hidden_sizes, own.activation, bool(own.potential))


@dataclass(frozen=True)
class RewardModel:
    """An ensemble that says what a step is worth.

    Attributes:
        shape: How the networks are built.
        params: ``[K, P]``.
        inputs: How observations are scaled.
        scale: Standard deviation of each member's rewards on the clips that it was fitted to, ``[K]``.
            Rewards are divided by it. No mean is subtracted: where episodes can end, their sign counts.
        kernels: The compiled kernels, where these compute rewards, as far as they know the networks.
        num_threads: Members of the ensemble at work at once there.
    """

    shape: RewardShape
    params: Tensor
    inputs: Inputs
    scale: Tensor
    kernels: ctypes.CDLL | None = None
    num_threads: int = 1

    def rewards(
        self,
        seen: Transitions,  # [B, context + 1, ...]
        started: Tensor,  # [B, context + 1] bool: False before an episode's start
    ) -> Tensor:  # [K, B]
        """What each member says of the last step of sequences."""
        if self.shape.constant:
            return torch.ones(len(self.params), len(started))
        network, action = self.network, self.shape.spec.action
        out = []
        for start in range(0, len(started), BLOCK):
            part = slice(start, start + BLOCK)
            own = Transitions(seen.obs[part], seen.actions[part], seen.next_obs[part], seen.terminated[part])
            steps = self.inputs.step(own, action, self.shape.settings.loudness).where(
                started[part][..., None], torch.nan
            )
            states, next_states = self.inputs.state(own.obs[:, -1]), self.inputs.state(own.next_obs[:, -1])
            out.append(network.rewards(self.params, steps, states, next_states).clone())
        return torch.cat(out, 1) / self.scale[:, None]

    def rewards_along(
        self,
        seen: Transitions,  # [context + T, N, ...], each next_obs the obs of the step after
        ages: Tensor,  # [T, N] int64: how many steps of its episode came before each, from 0
    ) -> Tensor:  # [K, T, N]
        """What each member says of the last T steps of N environments, from each step's place in its episode.

        It is :meth:`rewards` of each step with those before it, to rounding, in a fraction of the time.
        """
        if self.shape.constant:
            return torch.ones(len(self.params), *ages.shape)
        steps = self.inputs.step(seen, self.shape.spec.action, self.shape.settings.loudness)
        states = None
        if self.network.needs_states:
            after = self.inputs.state(seen.next_obs[-len(ages) :])
            states = torch.cat((self.inputs.state(seen.obs[-len(ages)])[None], after))
        return self.network.rewards_along(self.params, steps, states, ages) / self.scale[:, None, None]

    @property
    def context(self) -> int:
        """Steps before this one that a reward may depend on."""
        return 0 if self.shape.constant else self.network.context

    @cached_property
    def network(self) -> RewardNetwork:
        """The networks, with their work buffers: one object serves one thread."""
        network = self.shape.network()
        if self.kernels is not None and isinstance(network, MlpReward):
            return CompiledMlpReward(self.kernels, network, self.num_threads)
        return network

    def save(self, path: Path) -> None:
        """Write a safetensors file whose every byte is checked when it is loaded.

        Raises:
            StorageError: It cannot be written.
        """
        save_tensors(path, self.tensors(), self.metadata())

    def tensors(self) -> dict[str, np.ndarray]:
        """What a file holds, by name."""
        own = {"params": self.params, "scale": self.scale} | {
            f"obs_{name}": value for name, value in vars(self.inputs).items()
        }
        return {name: np.ascontiguousarray(value.numpy()) for name, value in own.items()}

    def metadata(self) -> dict[str, Any]:
        """What a file says beside the tensors."""
        shape = self.shape
        about = {"length": shape.length, "judged_by": shape.judged_by, "constant": shape.constant}
        settings = shape.settings.model_dump()
        return {"kind": KIND, "format": FORMAT, "spec": asdict(shape.spec), "settings": settings, **about}

    @classmethod
    def load(cls, path: Path) -> RewardModel:
        """Read a file. Nothing in it is executed.

        Raises:
            CorruptFileError: A byte has changed, or it is no reward model.
            UsageError: There is no such file.
        """
        tensors, metadata = load_tensors(path)
        try:
            shape = _shape(metadata)
            spec, members = shape.spec, shape.settings.members
            sizes = {"params": (members, shape.network().num_params), "scale": (members,)}
            sizes |= dict.fromkeys(("obs_mean", "obs_std", "obs_delta_std"), (spec.obs_size,))
            for name, size in sizes.items():
                own = tensors[name]
                if own.shape != size or own.dtype != np.float32 or not np.isfinite(own).all():
                    raise ValueError(f"{name} is {own.dtype} {own.shape}, not finite float32 {size}")
            checked = {name: torch.from_numpy(tensors[name]) for name in sizes}
            if any((checked[name] <= 0).any() for name in ("scale", "obs_std", "obs_delta_std")):
                raise ValueError("a scale is not above 0")
            inputs = Inputs(checked["obs_mean"], checked["obs_std"], checked["obs_delta_std"])
            return cls(shape, checked["params"], inputs, checked["scale"])
        except _MALFORMED as error:
            raise CorruptFileError(f"{path} is not a reward model of ppo: {error}", file=path) from error


def _shape(metadata: dict[str, Any]) -> RewardShape:
    if metadata.get("kind") != KIND or metadata.get("format") != FORMAT:
        raise ValueError(f"unknown kind or format {metadata.get('kind')!r} {metadata.get('format')!r}")
    spec = dict(metadata["spec"])
    action = dict(spec.pop("action"))
    if action["kind"] not in ("box", "discrete"):
        raise ValueError(f"unknown kind of action {action['kind']!r}")
    size, obs_size, length = int(action["size"]), int(spec["obs_size"]), int(metadata["length"])
    if not (1 <= size <= 2**16 and 1 <= obs_size <= 2**16 and 1 <= length <= 10_000):
        raise ValueError(f"{obs_size} observations, {size} actions, clips of {length} make no network")
    low, high = (tuple(float(value) for value in action[name]) for name in ("low", "high"))
    settings = FitSettings.model_validate(metadata["settings"])
    judged_by, constant = metadata["judged_by"], metadata["constant"]
    if not isinstance(judged_by, str) or not isinstance(constant, bool):
        raise ValueError("judged_by or constant is of a wrong type")
    own = EnvSpec(action=ActionSpec(action["kind"], size, low, high), **spec)
    return RewardShape(own, settings, length, judged_by[:300], constant)
