"""The part of the self-test that is about networks: what they say, their gradients, a step of learning.

Everything is computed a second time with NumPy, in double precision and in the plainest way, on shapes that
fill no vector: 37 observations of 5 numbers, layers of 19 and 6.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppo_cli.kernels import structs
from ppo_cli.kernels.acting import Actors
from ppo_cli.kernels.judging import judge
from ppo_cli.kernels.learning import BatchArrays, Tape, TrainableArrays, backward, forward, update

Array = NDArray[Any]

_OBS, _ACTIONS, _HIDDEN, _SIZE = 5, 3, (19, 6), 37
_LEARNING_RATE, _VF_COEF = 1e-3, 0.5
_ADAM_EPS = 1e-5


def outputs_agree(lib: ctypes.CDLL) -> bool:
    """Heads, values and the most likely actions, for both activations."""
    for activation in structs.ACTIVATIONS:
        network, params, obs = _case("categorical", activation)
        heads, values = forward(lib, network, params, obs, Tape(lib, network, 1, _SIZE))
        actor, critic = _outputs(network, params, obs, activation)
        acts = Actors(lib, network, params, _SIZE).act(obs, None)
        good = _close(heads[0], actor) and _close(values[0], critic[:, 0])
        good = good and _close(judge(lib, network, params, obs, None, wanted=("heads",))["heads"][0], actor)
        if not good or not np.array_equal(acts[0], actor.argmax(axis=1)):
            return False
    return True


def gradients_agree(lib: ctypes.CDLL) -> bool:
    """The gradient of the parameters from one at the outputs."""
    for activation in structs.ACTIVATIONS:
        network, params, obs = _case("categorical", activation)
        choices = np.random.default_rng(1)
        grad_heads = choices.normal(size=(1, _SIZE, _ACTIONS)).astype(np.float32)
        grad_values = choices.normal(size=(1, _SIZE)).astype(np.float32)
        tape = Tape(lib, network, 1, _SIZE)
        forward(lib, network, params, obs, tape)
        grads, norms = backward(lib, network, params, grad_heads, None, grad_values, tape)
        expected = _gradient(network, params, obs, activation, grad_heads[0], grad_values[0])
        if not _close(grads[0], expected) or not _close(norms[0], np.linalg.norm(expected)):
            return False
    return True


def log_probabilities_agree(lib: ctypes.CDLL) -> bool:
    """What each distribution says of actions."""
    choices = np.random.default_rng(2)
    shares: Array = choices.uniform(0.05, 0.95, (1, _SIZE, _ACTIONS)).astype(np.float32)
    picks: Array = choices.integers(_ACTIONS, size=(1, _SIZE))
    cases = (("categorical", _categorical, picks), ("gaussian", _gaussian, shares), ("beta", _beta, shares))
    for distribution, log_prob, actions in cases:
        network, params, obs = _case(distribution, "tanh")
        found = judge(lib, network, params, obs, actions, wanted=("log_probs",))["log_probs"]
        actor, _ = _outputs(network, params, obs, "tanh")
        log_std = params[0, network.row_params - _ACTIONS : network.row_params]
        if not _close(found[0], log_prob(actor, log_std, actions[0])):
            return False
    return True


def updates_agree(lib: ctypes.CDLL) -> bool:
    """One step of Adam down the clipped surrogate, where the policy has not moved yet."""
    network, params, obs = _case("categorical", "tanh")
    choices = np.random.default_rng(3)
    actions = choices.integers(_ACTIONS, size=(1, _SIZE))
    advantages, returns = (choices.normal(size=(1, _SIZE)).astype(np.float32) for _ in range(2))
    weights = (choices.random((1, _SIZE)) < 0.8).astype(np.float32)
    judged = judge(lib, network, params, obs, actions)
    batch = BatchArrays(obs, actions, judged["log_probs"], judged["values"], advantages, returns, weights)
    actor, critic = _outputs(network, params, obs, "tanh")
    share = weights[0] / weights.sum()
    chosen = np.eye(_ACTIONS)[actions[0]]
    grad_heads = -(share * advantages[0])[:, None] * (chosen - _softmax(actor))
    grads = _gradient(
        network, params, obs, "tanh", grad_heads, _VF_COEF * share * (critic[:, 0] - returns[0])
    )
    # The first step of Adam goes by g / (|g| + eps), for m and v are g and g^2 once their bias is corrected.
    expected = params[0] - _LEARNING_RATE * grads / (np.abs(grads) + _ADAM_EPS)
    moved, zeros = params.copy(), np.zeros((2, *params.shape), np.float32)
    loss = structs.loss("clipped", eps_low=0.2, eps_high=0.2, vf_coef=_VF_COEF)
    update(
        lib, network, structs.numbers(structs.Loss, 1, loss),
        structs.numbers(structs.Step, 1, structs.Step((_LEARNING_RATE, _LEARNING_RATE), math.inf)), batch,
        TrainableArrays(moved, zeros[0], zeros[1], np.zeros(1)), np.arange(_SIZE)[None, None], 1,
    )  # fmt: skip
    return bool(np.abs(moved[0] - expected).max() < 0.02 * _LEARNING_RATE)


def _case(distribution: str, activation: str) -> tuple[structs.Network, Array, Array]:
    """A network with a critic, parameters [1, P] and observations [1, B, O]."""
    num_outputs = 2 * _ACTIONS if distribution == "beta" else _ACTIONS
    sizes = (_OBS, *_HIDDEN, num_outputs)
    row_params = sum((before + 1) * after for before, after in pairwise(sizes))
    row_params += _ACTIONS if distribution == "gaussian" else 0
    network = structs.network(
        obs_size=_OBS, num_actions=_ACTIONS, num_outputs=num_outputs, hidden_sizes=_HIDDEN,
        head_width=num_outputs, row_params=row_params, distribution=distribution, activation=activation,
        critic=True,
    )  # fmt: skip
    choices = np.random.default_rng(0)
    params = choices.normal(scale=0.5, size=(1, network.num_params)).astype(np.float32)
    return network, params, choices.normal(size=(1, _SIZE, _OBS)).astype(np.float32)


def _rows(network: structs.Network, params: Array) -> Array:
    """The actor's and the critic's parameters, float64 [2, P / 2]."""
    rows: Array = params[0].astype(np.float64).reshape(2, network.row_params)
    return rows


def _layers(network: structs.Network, row: Array) -> Iterator[tuple[Array, Array]]:
    """Weights [in, out] and biases [out] of each layer."""
    start, before = 0, network.obs_size
    for after in (*_HIDDEN, network.head_width):
        end = start + before * after
        yield row[start:end].reshape(before, after), row[end : end + after]
        start, before = end + after, after


def _activations(network: structs.Network, row: Array, obs: Array, activation: str) -> list[Array]:
    """The inputs of each layer, and the output."""
    seen = [obs.astype(np.float64)]
    for index, (weights, biases) in enumerate(_layers(network, row)):
        out = seen[-1] @ weights + biases
        if index < len(_HIDDEN):
            out = np.tanh(out) if activation == "tanh" else np.maximum(out, 0.0)
        seen.append(out)
    return seen


def _outputs(network: structs.Network, params: Array, obs: Array, activation: str) -> list[Array]:
    """What actor and critic say, each [B, columns of the last layer]."""
    return [_activations(network, row, obs[0], activation)[-1] for row in _rows(network, params)]


def _gradient(
    network: structs.Network,
    params: Array,
    obs: Array,
    activation: str,
    grad_heads: Array,
    grad_values: Array,
) -> Array:
    """Of all parameters [P], from the gradients at heads [B, K] and values [B]."""
    values = np.zeros_like(grad_heads, dtype=np.float64)
    values[:, 0] = grad_values
    rows = []
    for row, grad in zip(_rows(network, params), (grad_heads.astype(np.float64), values), strict=True):
        seen, parts = _activations(network, row, obs[0], activation), []
        for index, (weights, _) in reversed(list(enumerate(_layers(network, row)))):
            parts.append(np.concatenate([(seen[index].T @ grad).ravel(), grad.sum(axis=0)]))
            slope = 1.0 - seen[index] ** 2 if activation == "tanh" else (seen[index] > 0).astype(np.float64)
            grad = grad @ weights.T * slope
        rows.append(np.concatenate(parts[::-1]))
    return np.concatenate(rows)


def _softmax(logits: Array) -> Array:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _categorical(logits: Array, log_std: Array, actions: Array) -> Array:
    chosen: Array = np.log(_softmax(logits))[np.arange(_SIZE), actions]
    return chosen


def _gaussian(means: Array, log_std: Array, actions: Array) -> Array:
    scaled = (actions - means) / np.exp(log_std.astype(np.float64))
    total: Array = (-0.5 * scaled**2 - log_std - 0.5 * math.log(2 * math.pi)).sum(axis=1)
    return total


def _beta(heads: Array, log_std: Array, actions: Array) -> Array:
    """The parameters are 1 + softplus of the outputs, alpha and beta of one action after the other."""
    excess = np.log1p(np.exp(heads))
    alpha, beta = 1.0 + excess[:, 0::2], 1.0 + excess[:, 1::2]
    lgamma = np.vectorize(math.lgamma)
    x = actions.astype(np.float64)
    powers = (alpha - 1) * np.log(x) + (beta - 1) * np.log1p(-x)
    total: Array = (powers + lgamma(alpha + beta) - lgamma(alpha) - lgamma(beta)).sum(axis=1)
    return total


def _close(found: Any, expected: Any) -> bool:
    return bool(np.allclose(found, expected, rtol=1e-4, atol=1e-5))
