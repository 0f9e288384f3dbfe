"""A policy as a Stable-Baselines3 PPO model. The home of stable_baselines3, which is an extra.

Its networks have the same layers as ours, so the weights are carried over as they are. What they do not have
is a place for observation statistics. Mean and deviation are an affine map, so they go into the first layer:

    z = (x - mean) * inverse_std
    z @ W + b  =  x @ (inverse_std * W) + (b - (mean * inverse_std) @ W)

The clipping after it is not. Where it matters, a ReLU network gets one more layer in front, which clips
exactly (and has no large terms that cancel while z is small):

    clip(z, -c, c)  =  relu(z) - relu(-z) - relu(z - c) + relu(-z - c)

Of tanh no such layer can be made.

The file's format is Stable-Baselines3's own, with pickled objects in it. Writing one is safe; loading one is
as safe as its sender.
"""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ppo_cli.config.schema import RunConfig
from ppo_cli.envs.factory import Env
from ppo_cli.errors import UsageError
from ppo_cli.export.arrays import Array, Layers, Normalization, PolicyArrays

_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh}


def can_clip(arrays: PolicyArrays) -> bool:
    """Tell whether normalised observations can be clipped by a layer."""
    return arrays.activation == "relu"


def sb3_file(arrays: PolicyArrays, config: RunConfig, env: Env, *, clipping: bool = False) -> bytes:
    """The bytes of a zip file that ``stable_baselines3.PPO.load`` reads.

    Args:
        arrays: The policy.
        config: The run's settings; those that Stable-Baselines3 has too go into the file.
        env: The environment, for its spaces: Stable-Baselines3 compares them when it is given one.
        clipping: Clip normalised observations, in a layer of their own; only if :func:`can_clip`.

    Raises:
        UsageError: Stable-Baselines3 knows no such actions.
    """
    from stable_baselines3 import PPO

    check_actions(arrays, config.env_id)
    actor = _of_raw(arrays.actor, arrays.normalization, clipping)
    critic = _of_raw(arrays.critic or (), arrays.normalization, clipping)
    hidden = [len(bias) for _, bias in actor[:-1]]
    network = {"net_arch": {"pi": hidden, "vf": hidden}, "activation_fn": _ACTIVATIONS[arrays.activation]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is told of one environment, and warns of odd minibatches
        model = PPO("MlpPolicy", env, policy_kwargs=network, device="cpu", **_settings(config))
    state = {name: torch.zeros_like(value) for name, value in model.policy.state_dict().items()}
    state |= _named("policy_net", "action_net", actor) | _named("value_net", "value_net", critic)
    if arrays.log_std is not None:
        state["log_std"] = torch.from_numpy(arrays.log_std)
    model.policy.load_state_dict(state)
    buffer = io.BytesIO()
    model.save(buffer)
    return buffer.getvalue()


def check_actions(arrays: PolicyArrays, env_id: str) -> None:
    """Refuse a policy whose actions Stable-Baselines3's PPO does not know.

    Raises:
        UsageError: It does not.
    """
    if arrays.head in ("squashed", "shapes"):
        setting = "policy=beta" if arrays.head == "shapes" else "squash=true"
        raise UsageError(
            f"the policy was trained with {setting}, and Stable-Baselines3's PPO has no such actions",
            hint="--to onnx and --to numpy take them",
            key=f"network.{setting.partition('=')[0]}",
        )
    if not np.isfinite(arrays.bounds).all():
        raise UsageError(
            f"{env_id} has actions without bounds, which Stable-Baselines3 does not know",
            hint="--to onnx and --to numpy take them",
        )


def _settings(config: RunConfig) -> dict[str, Any]:
    """The run's settings by Stable-Baselines3's names, as far as it has them: for who trains on."""
    learning = config.learning
    return {
        "learning_rate": learning.learning_rate,
        "n_steps": max(2, config.rollout.num_steps),  # fewer are refused with one environment
        "batch_size": config.steps_per_iteration // learning.num_minibatches,
        "n_epochs": learning.num_epochs,
        "gamma": learning.gamma,
        "gae_lambda": learning.gae_lambda,
        "clip_range": learning.eps_clip,
        "clip_range_vf": learning.eps_clip_vf,
        "normalize_advantage": learning.normalize_advantages,
        "ent_coef": learning.ent_coef,
        "vf_coef": learning.vf_coef,
        "max_grad_norm": learning.max_grad_norm,
        "target_kl": learning.target_kl,
    }


def _named(body: str, head: str, layers: Layers) -> dict[str, Tensor]:
    """A network's weights by Stable-Baselines3's names, which counts activations as layers; [out, in]."""
    names = [f"mlp_extractor.{body}.{2 * index}" for index in range(len(layers) - 1)] + [head]
    state: dict[str, Tensor] = {}
    for name, (weight, bias) in zip(names, layers, strict=False):  # no layers, no names
        state |= {f"{name}.weight": torch.from_numpy(weight.T.copy()), f"{name}.bias": torch.from_numpy(bias)}
    return state


def _of_raw(layers: Layers, normalization: Normalization | None, clipping: bool) -> Layers:
    """The layers of a network that takes raw observations. In float64, rounded once at the end."""
    if normalization is None or not layers:
        return layers
    (weight, bias), *rest = layers
    scale = normalization.inverse_std.astype(np.float64)
    shift: Array = normalization.mean * scale
    if not clipping:
        return _rounded((scale[:, None] * weight, bias - shift @ weight), *rest)
    clip = normalization.clip
    signs, offsets = np.array([1.0, -1.0, 1.0, -1.0]), np.array([0.0, 0.0, -clip, -clip])
    parts = np.concatenate([sign * np.diag(scale) for sign in signs], axis=1)  # [O, 4 O]
    starts = np.concatenate([offset - sign * shift for sign, offset in zip(signs, offsets, strict=True)])
    joined = np.concatenate([weight, -weight, -weight, weight])  # [4 O, H]
    return _rounded((parts, starts), (joined, bias), *rest)


def _rounded(*layers: tuple[Array, Array]) -> Layers:
    return tuple((weight.astype(np.float32), bias.astype(np.float32)) for weight, bias in layers)
