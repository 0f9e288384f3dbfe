"""The update: epochs of minibatches on one rollout, each member by its own gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ppo_cli.learn import losses
from ppo_cli.learn.algorithms import Algorithm
from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.losses import approx_kl
from ppo_cli.learn.rollout import Batch, minibatches, permutations
from ppo_cli.learn.train_state import TrainState
from ppo_cli.nn.actor_critic import ActorCritic
from ppo_cli.nn.distributions import Distribution
from ppo_cli.nn.masked import mask_weights, masked_mean
from ppo_cli.nn.optim import adam_step_, clip_grad_norm_, grad_norm


@dataclass(frozen=True)
class UpdateResult:
    """What an update did.

    Attributes:
        metrics: Means over the minibatches that a member used, by metric name, ``[M]`` each; NaN if none.
        failures: What became non-finite and where, by member.
    """

    metrics: dict[str, Tensor]
    failures: dict[int, str]


@dataclass(frozen=True)
class Learner:
    """What improves a policy: networks, how they are read, and what is minimised."""

    net: ActorCritic
    distribution: Distribution
    algorithm: Algorithm


def update(
    learner: Learner,
    state: TrainState,
    batch: Batch,
    hyper: Hyperparams,  # annealed
    seeds: Sequence[int],
    num_epochs: int,
    num_minibatches: int,
) -> UpdateResult:
    """Improve ``state.params`` in place.

    A member whose policy has moved further than 1.5 ``target_kl``, or whose gradient is not finite, takes no
    further step in this iteration, and none with a minibatch in which nothing of it counts; the others do not
    notice.
    """
    history = _History(num_minibatches)
    normalize = hyper.normalize_advantages > 0
    rates = learner.net.by_row(hyper.learning_rate, hyper.critic_learning_rate)
    active = torch.ones(len(seeds), dtype=torch.bool)
    order = permutations(seeds, state.iteration, num_epochs, batch.weights.shape[1])
    for epoch in range(num_epochs):
        shuffled = minibatches(batch, order[:, epoch], num_minibatches, normalize)
        seen = []
        for part in shuffled.unbind():
            log_ratio, entropies, new_values, grads = gradient(learner, state.params, part, hyper)
            norms = grad_norm(grads)
            seen.append((log_ratio, entropies, new_values.clone()))
            counts = part.weights.any(1)
            history.add(norms, active, active & counts)
            active = active & torch.isfinite(norms)
            if hyper.kl_limit is not None:
                active &= approx_kl(log_ratio, log_ratio.exp(), part.weights) <= hyper.kl_limit
            clip_grad_norm_(grads, norms, hyper.max_grad_norm)
            _step_(state, grads, rates, active & counts)
        log_ratio, entropies, values = (torch.stack(column) for column in zip(*seen, strict=True))
        history.add_metrics(_metrics(learner, log_ratio, entropies, values, shuffled, hyper))
        if not active.any():
            break
    return history.result()


def gradient(
    learner: Learner,
    params: Tensor,  # [M, P]
    batch: Batch,
    hyper: Hyperparams,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The gradient ``[M, P]`` of policy loss + vf_coef * value loss - ent_coef * entropy on one minibatch.

    Returns:
        Log of pi / pi_old, entropies and values, ``[M, B]`` each, and the gradient. Values and gradient live
        in buffers that the next call overwrites.
    """
    distribution, weights = learner.distribution, batch.weights
    policy, new_values = learner.net.forward(params, batch.obs)
    new_log_probs, entropies = distribution.log_prob_and_entropy(policy, batch.actions)
    log_ratio = new_log_probs - batch.log_probs
    by_location, by_log_std = distribution.backward(
        policy,
        batch.actions,
        learner.algorithm.by_log_prob(log_ratio, batch, hyper),
        weights * -hyper.ent_coef[:, None],
    )
    if learner.algorithm.penalty is not None:
        more = learner.algorithm.penalty.by_policy(distribution, policy, batch, hyper)
        by_location = by_location + more[0]
        by_log_std = None if by_log_std is None or more[1] is None else by_log_std + more[1]
    by_value = losses.value_loss_by_value(new_values, batch.values, batch.returns, hyper.value_clip, weights)
    grads = learner.net.backward(params, by_location, by_log_std, by_value.mul_(hyper.vf_coef[:, None]))
    return log_ratio, entropies, new_values, grads


def kl_moved(learner: Learner, params: Tensor, batch: Batch) -> Tensor:  # [M]
    """KL(pi_old || pi) over a rollout, exact, in nats."""
    assert batch.old_policy is not None
    policy, _ = learner.net.forward(params, batch.obs)
    return masked_mean(learner.distribution.kl(batch.old_policy, policy), mask_weights(batch.weights))


def _metrics(
    learner: Learner,
    log_ratio: Tensor,  # [K, M, B]
    entropies: Tensor,  # [K, M, B]
    values: Tensor,  # [K, M, B]
    batch: Batch,  # [K, M, B, ...]
    hyper: Hyperparams,
) -> dict[str, Tensor]:  # [K, M] each
    weights = batch.weights
    found = learner.algorithm.metrics(log_ratio, batch, hyper)
    if learner.algorithm.has_critic:
        found["train/value_loss"] = losses.value_loss(
            values, batch.values, batch.returns, hyper.value_clip, weights
        )
    found["train/entropy"] = masked_mean(entropies, weights)
    found["train/approx_kl"] = approx_kl(log_ratio, log_ratio.exp(), weights)
    return found


def _step_(state: TrainState, grads: Tensor, rates: Tensor, active: Tensor) -> None:
    """An optimiser step of the active members."""
    if active.all():
        adam_step_(state.params, grads, state.exp_avg, state.exp_avg_sq, state.adam_step, rates)
        return
    rows = active.nonzero().squeeze(1)
    mutable = (state.params, state.exp_avg, state.exp_avg_sq, state.adam_step)
    params, exp_avg, exp_avg_sq, step = (tensor[rows] for tensor in mutable)
    adam_step_(params, grads[rows], exp_avg, exp_avg_sq, step, rates[rows])
    for tensor, values in zip(mutable, (params, exp_avg, exp_avg_sq, step), strict=True):
        tensor[rows] = values


class _History:
    """Metrics of every minibatch, and who was still learning when it was seen."""

    def __init__(self, num_minibatches: int) -> None:
        self.num_minibatches = num_minibatches
        self.metrics: dict[str, list[Tensor]] = {}
        self.norms: list[Tensor] = []
        self.active: list[Tensor] = []
        self.counted: list[Tensor] = []

    def add(self, norms: Tensor, active: Tensor, counted: Tensor) -> None:
        self.norms.append(norms)
        self.active.append(active)
        self.counted.append(counted)

    def add_metrics(self, metrics: dict[str, Tensor]) -> None:
        for name, values in metrics.items():
            self.metrics.setdefault(name, []).append(values)

    def result(self) -> UpdateResult:
        counted = torch.stack(self.counted, 1)  # [M, K]
        used = counted.sum(1)
        stacked = {name: torch.cat(values).T for name, values in self.metrics.items()}  # [M, K] each
        stacked["train/grad_norm"] = torch.stack(self.norms, 1)
        # A running sum: the order of `sum` depends on M and on how long the other members go on.
        metrics = {
            name: values.where(counted, 0.0).cumsum(1)[:, -1] / used for name, values in stacked.items()
        }
        metrics["train/epochs"] = torch.stack(self.active, 1).sum(1) / self.num_minibatches
        return UpdateResult(metrics, self._failures(stacked, counted))

    def _failures(self, stacked: dict[str, Tensor], active: Tensor) -> dict[int, str]:
        """The first non-finite value of each member, in the order in which the loss is computed."""
        bad = {name: ~torch.isfinite(values) & active for name, values in stacked.items()}
        failures = {}
        for member in torch.stack(list(bad.values())).any(0).any(1).nonzero().flatten().tolist():
            firsts = {name: int(b[member].nonzero()[0]) for name, b in bad.items() if b[member].any()}
            name, index = min(firsts.items(), key=lambda item: item[1])
            epoch, minibatch = divmod(index, self.num_minibatches)
            value = float(stacked[name][member, index])
            label = name.removeprefix("train/")
            failures[member] = f"{label} became {value} in epoch {epoch + 1}, minibatch {minibatch + 1}"
        return failures
