"""A trained policy: the networks with the observation statistics they need, and how they are stored.

The calling convention of :meth:`Policy.predict` is Stable-Baselines3's, so its ``evaluate_policy`` takes one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ppo_cli.errors import CorruptFileError, UsageError
from ppo_cli.nn.actor_critic import ActorCritic
from ppo_cli.nn.distributions import make_distribution
from ppo_cli.nn.layers import ACTIVATIONS
from ppo_cli.nn.normalize import ObsNormalizer
from ppo_cli.rng import Stream, generator
from ppo_cli.runs.run_dir import RunDir
from ppo_cli.spaces import ActionSpec, EnvSpec
from ppo_cli.storage.tensor_file import load_tensors, save_tensors

FORMAT = 1


@dataclass(frozen=True)
class PolicyShape:
    """Everything beside the weights that is needed to rebuild the networks.

    Attributes:
        spec: The environment that the policy plays.
        hidden_sizes: Width of each hidden layer.
        activation: Name of the activation function.
        normalize_obs: Whether observations are normalised.
        clip_obs: Largest absolute normalised observation.
        policy: Distribution of continuous actions, ``"gaussian"`` or ``"beta"``.
        squash: Whether Gaussian actions are bent into the bounds.
        critic: Whether there is a value network.
    """

    spec: EnvSpec
    hidden_sizes: tuple[int, ...]
    activation: str
    normalize_obs: bool
    clip_obs: float
    policy: str = "gaussian"
    squash: bool = False
    critic: bool = True

    def network(self) -> ActorCritic:
        """The networks of this shape."""
        return ActorCritic(self.spec, self.hidden_sizes, self.activation, self.policy, self.critic)


class Policy:
    """A policy that answers observations with actions.

    Args:
        shape: How the networks are built.
        params: Parameters of one member, ``[P]``.
        obs_mean: Mean of observations, ``[O]`` float64.
        obs_var: Variance of observations, ``[O]`` float64.
        seed: Seed of the random numbers of stochastic predictions.
    """

    def __init__(
        self,
        shape: PolicyShape,
        params: torch.Tensor,
        obs_mean: torch.Tensor,
        obs_var: torch.Tensor,
        seed: int = 0,
    ) -> None:
        self.shape = shape
        self.params = params[None].contiguous()
        self.obs_mean, self.obs_var = obs_mean, obs_var
        self.net = shape.network()
        self.distribution = make_distribution(shape.spec.action, shape.policy, shape.squash)
        clip = torch.tensor([shape.clip_obs])
        self.normalizer = ObsNormalizer.make(shape.normalize_obs, obs_mean[None], obs_var[None], clip)
        self._rng = generator(seed, Stream.ACTION)

    def predict(
        self,
        observation: NDArray[Any],  # [O] or [B, O]
        state: tuple[NDArray[Any], ...] | None = None,
        episode_start: NDArray[Any] | None = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[Any], tuple[NDArray[Any], ...] | None]:
        """Actions for one observation or a batch, in Stable-Baselines3's calling convention.

        Args:
            observation: One observation or a batch of them.
            state: Returned as it is: these policies have no memory.
            episode_start: Ignored, for the same reason.
            deterministic: Take the most likely action instead of a sample.

        Returns:
            ``(actions, state)``; actions are integers, or vectors inside the environment's bounds.

        Raises:
            ValueError: The observation has the wrong size.
        """
        obs = np.asarray(observation, dtype=np.float32)
        single = obs.ndim == 1
        batch = obs[None] if single else obs
        if batch.ndim != 2 or batch.shape[1] != self.shape.spec.obs_size:
            raise ValueError(
                f"expected observations of size {self.shape.spec.obs_size}, got shape {obs.shape}"
            )
        policy = self.net.act(
            self.params, self.normalizer(torch.from_numpy(np.ascontiguousarray(batch))[None])
        )
        if deterministic:
            actions = self.distribution.mode(policy)
        else:
            noise = self.distribution.noise(self._rng, (1, len(batch), self.net.num_actions))
            actions = self.distribution.sample(policy, torch.from_numpy(noise))
        result = self.distribution.send(actions)[0].numpy().copy()
        action = self.shape.spec.action
        if action.kind == "box":
            result = np.clip(result, np.array(action.low, np.float32), np.array(action.high, np.float32))
        return (result[0] if single else result), state

    def save(self, path: str | Path) -> None:
        """Write the policy to a safetensors file whose every byte is checked when it is loaded.

        Raises:
            StorageError: It cannot be written.
        """
        tensors = {name: value.numpy() for name, value in self.net.named_parameters(self.params[0]).items()}
        tensors |= {"obs_mean": self.obs_mean.numpy(), "obs_var": self.obs_var.numpy()}
        tensors = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
        save_tensors(path, tensors, {"kind": "ppo-policy", "format": FORMAT, **asdict(self.shape)})

    @classmethod
    def load(cls, path: str | Path) -> Policy:
        """Read a policy file. Nothing in it is executed.

        Raises:
            CorruptFileError: A byte has changed, or it is not a policy.
            UsageError: There is no such file.
        """
        tensors, metadata = load_tensors(path)
        try:
            shape = _shape(metadata)
            size = (shape.spec.obs_size,)
            mean, var = (
                torch.from_numpy(_expect(tensors, name, size, np.float64)) for name in ("obs_mean", "obs_var")
            )
            net = shape.network()
            values = _weights(net, tensors)
            params = net.empty_member()
            for name, view in net.named_parameters(params).items():
                view.copy_(torch.from_numpy(values[name]))
            return cls(shape, params, mean, var)
        except (KeyError, TypeError, ValueError, OverflowError, RuntimeError, UsageError) as error:
            raise CorruptFileError(f"{path} is not a policy of ppo: {error}", file=path) from error


def load_policy(path: str | Path, best: bool = False) -> Policy:
    """The policy of a run.

    Args:
        path: A run folder, or a policy file.
        best: Of a run folder, take the policy with the best evaluation instead of the last one.

    Raises:
        UsageError: There is no policy there.
        CorruptFileError: The file is damaged.
    """
    path = Path(path)
    if path.is_dir():
        run = RunDir(path)
        path = run.best_policy_path if best else run.policy_path
        if not path.exists():
            raise UsageError(
                f"{run.path} has no {path.name} yet", hint="It is written when training saves a checkpoint."
            )
    return Policy.load(path)


def _shape(metadata: dict[str, Any]) -> PolicyShape:
    if metadata.get("kind") != "ppo-policy" or metadata.get("format") != FORMAT:
        raise ValueError(f"unknown kind or format {metadata.get('kind')!r} {metadata.get('format')!r}")
    spec = dict(metadata["spec"])
    action = dict(spec.pop("action"))
    if action["kind"] not in ("box", "discrete"):
        raise ValueError(f"unknown kind of action {action['kind']!r}")
    low, high = (tuple(float(value) for value in action[name]) for name in ("low", "high"))
    size, hidden_sizes = int(action["size"]), tuple(int(size) for size in metadata["hidden_sizes"])
    if not hidden_sizes or min(*hidden_sizes, size) < 1:
        raise ValueError(f"hidden_sizes {list(hidden_sizes)} and {size} actions make no network")
    if action["kind"] == "box" and not len(low) == len(high) == size:
        raise ValueError(f"{len(low)} lower and {len(high)} upper bounds for an action of size {size}")
    if metadata["activation"] not in ACTIVATIONS:
        raise ValueError(f"unknown activation {metadata['activation']!r}")
    policy = metadata.get("policy", "gaussian")  # older files have no other
    if policy not in ("gaussian", "beta"):
        raise ValueError(f"unknown policy {policy!r}")
    squash, critic = metadata.get("squash", False), metadata.get("critic", True)
    for name, value in (("squash", squash), ("critic", critic)):
        if not isinstance(value, bool):
            raise ValueError(f"{name} is {value!r}, neither true nor false")
    return PolicyShape(
        spec=EnvSpec(action=ActionSpec(action["kind"], size, low, high), **spec),
        hidden_sizes=hidden_sizes,
        activation=metadata["activation"],
        normalize_obs=bool(metadata["normalize_obs"]),
        clip_obs=float(metadata["clip_obs"]),
        policy=policy,
        squash=squash,
        critic=critic,
    )


def _weights(net: ActorCritic, tensors: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The parameters in the file, by name.

    The networks are only drawn up here: sizes that a stranger wrote take no memory before the file is known
    to hold as much.
    """
    plan = net.named_parameters(torch.empty(net.num_params, device="meta"))
    return {name: _expect(tensors, name, tuple(view.shape), np.float32) for name, view in plan.items()}


def _expect(tensors: dict[str, NDArray[Any]], name: str, shape: tuple[int, ...], dtype: type) -> NDArray[Any]:
    value = tensors[name]
    if value.shape != shape or value.dtype != dtype:
        raise ValueError(
            f"{name} is {value.dtype}{list(value.shape)}, expected {np.dtype(dtype)}{list(shape)}"
        )
    if not np.isfinite(value).all():
        raise ValueError(f"{name} has values that are not finite")
    return np.ascontiguousarray(value)
