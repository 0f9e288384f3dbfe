"""The update by the compiled kernels: what the agent, a batch and hyperparameters are to them.

It does what :func:`ppo_cli.learn.agent.update` does, to rounding, where the algorithm says its loss in terms
that the kernels know.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch

from ppo_cli.kernels import learning, structs
from ppo_cli.kernels.learning import BatchArrays, TrainableArrays
from ppo_cli.kernels.streams import permutations
from ppo_cli.learn.agent import Agent, update
from ppo_cli.learn.algorithms.base import FusedLoss
from ppo_cli.learn.batch import Batch
from ppo_cli.learn.hyperparams import KL_STOP_FACTOR, Hyperparams
from ppo_cli.learn.optimise import Outcome, Trainable, failures
from ppo_cli.nn.compiled import CompiledActorCritic, by_rows
from ppo_cli.rng import Stream

ALWAYS_REPORTED = ("train/entropy", "train/approx_kl", "train/grad_norm")
_COUNTED, _ACTIVE = map(structs.METRICS.index, ("counted", "active"))


def improve(
    agent: Agent,
    trainable: Trainable,
    batch: Batch,
    hyper: Hyperparams,  # annealed
    seeds: Sequence[int],
    iteration: int,
    num_epochs: int,
    num_minibatches: int,
) -> Outcome:
    """:func:`~ppo_cli.learn.agent.update`, or the same in one go where networks and loss are the kernels'."""
    passes = (seeds, iteration, num_epochs, num_minibatches)
    fused = agent.algorithm.fused_loss(hyper) if isinstance(agent.net, CompiledActorCritic) else None
    if fused is None:
        return update(agent, trainable, batch, hyper, *passes)
    return compiled_update(agent, fused, trainable, batch, hyper, *passes)


def compiled_update(
    agent: Agent,  # with compiled networks
    fused: FusedLoss,  # of its algorithm, for these hyperparameters
    trainable: Trainable,
    batch: Batch,
    hyper: Hyperparams,  # annealed
    seeds: Sequence[int],
    iteration: int,
    num_epochs: int,
    num_minibatches: int,
) -> Outcome:
    """Improve the agents in place: epochs of minibatches on one rollout, each member by its own gradient."""
    net = agent.net
    assert isinstance(net, CompiledActorCritic)
    size, arrays = batch.weights.shape[1], batch_arrays(batch)
    order = permutations(net.kernels, seeds, Stream.SHUFFLE, iteration, num_epochs, size, net.num_threads)
    measured = learning.update(
        net.kernels, net.network, losses_of(fused, hyper), steps_of(hyper), arrays,
        trainable_arrays(trainable), order, num_minibatches, net.num_threads,
    )  # fmt: skip
    outcome = measured_outcome(measured, agent, fused, num_minibatches)
    if net.critic:
        explained = learning.explained_variance(net.kernels, arrays)
        outcome.metrics["train/explained_variance"] = torch.from_numpy(explained)
    return outcome


def losses_of(fused: FusedLoss, hyper: Hyperparams) -> np.ndarray:
    """The total loss of each member, the algorithm's, value loss, entropy: ``[M]`` of ``structs.Loss``."""
    numbers = {
        "normalize_advantages": hyper.normalize_advantages,
        "eps_low": fused.eps_low,
        "eps_high": fused.eps_high,
        "kl_coef": fused.kl_coef,
        "reference_coef": fused.reference_coef,
        "vf_coef": hyper.vf_coef,
        "ent_coef": hyper.ent_coef,
        "eps_clip_vf": hyper.eps_clip_vf,
        "kl_limit": hyper.target_kl,
    }
    losses = structs.numbers(structs.Loss, len(hyper.gamma), structs.loss(fused.gain))
    for name, values in numbers.items():
        if values is not None:
            losses[name] = values.numpy()
    losses["kl_limit"] *= np.float32(KL_STOP_FACTOR)
    return losses


def steps_of(hyper: Hyperparams) -> np.ndarray:
    """How each member takes its steps, ``[M]`` of ``structs.Step``."""
    steps = structs.numbers(structs.Step, len(hyper.gamma))
    rates = steps["rates"]
    rates[:, 0], rates[:, 1] = hyper.learning_rate.numpy(), hyper.critic_learning_rate.numpy()
    steps["max_grad_norm"] = hyper.max_grad_norm.numpy()
    return steps


def batch_arrays(batch: Batch) -> BatchArrays:
    """A batch as NumPy arrays."""
    old = batch.old_policy
    old_log_std = None if old is None or old.log_std is None else by_rows(old.log_std.flatten(1))
    return BatchArrays(
        obs=by_rows(batch.obs),
        actions=by_rows(batch.actions),
        log_probs=by_rows(batch.log_probs),
        values=by_rows(batch.values),
        advantages=by_rows(batch.advantages),
        returns=by_rows(batch.returns),
        weights=by_rows(batch.weights),
        old_head=None if old is None else by_rows(old.head),
        old_log_std=old_log_std,
        ref_log_probs=None if batch.ref_log_probs is None else by_rows(batch.ref_log_probs),
    )


def trainable_arrays(trainable: Trainable) -> TrainableArrays:
    """Parameters as NumPy arrays that share their memory."""
    return TrainableArrays(**{name: values.numpy() for name, values in trainable.tensors().items()})


def measured_outcome(measured: np.ndarray, agent: Agent, fused: FusedLoss, num_minibatches: int) -> Outcome:
    """What an update came to, from what the kernels measured of each minibatch ``[M, E K, ...]``.

    As :func:`~ppo_cli.learn.optimise.optimise` has it, for all metrics at once: torch's many small
    operations would take a tenth of a small update.
    """
    assert isinstance(agent.net, CompiledActorCritic)
    names, places = _reported(fused.metrics, agent.net.critic)
    means = learning.mean_metrics(agent.net.kernels, measured)
    reported = means[:, places].T
    metrics = dict(zip(names, torch.from_numpy(reported).unbind(), strict=True))
    metrics["train/epochs"] = torch.from_numpy(means[:, _ACTIVE] / np.float32(num_minibatches))
    if np.isfinite(reported).all():
        return Outcome(metrics, {})
    counted = measured[..., _COUNTED] > 0
    columns = {
        name: torch.from_numpy(measured[..., place]) for name, place in zip(names, places, strict=True)
    }
    return Outcome(metrics, failures(columns, torch.from_numpy(counted), num_minibatches))


@lru_cache
def _reported(own: tuple[str, ...], critic: bool) -> tuple[tuple[str, ...], list[int]]:
    """Which metrics are reported, and their places among those that the kernels measure."""
    names = (*own, *(("train/value_loss",) if critic else ()), *ALWAYS_REPORTED)
    return names, [structs.METRICS.index(name.removeprefix("train/")) for name in names]
