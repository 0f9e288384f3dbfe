"""The agent as a learner: its whole loss, the gradient of it, its metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ppo_cli.learn import losses
from ppo_cli.learn.algorithms.base import Algorithm, LossGradient
from ppo_cli.learn.batch import Batch, PolicyView, agent_minibatches, explained_variance
from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.minibatches import permutations
from ppo_cli.learn.optimise import Gradient, Outcome, Trainable, optimise
from ppo_cli.nn.actor_critic import ActorCritic
from ppo_cli.nn.distributions import Distribution
from ppo_cli.nn.gaussian import over_batch
from ppo_cli.nn.masked import masked_mean
from ppo_cli.nn.policy_output import PolicyOutput


@dataclass(frozen=True)
class Agent:
    """An actor and critic with the algorithm that improves them; holds no parameters.

    Attributes:
        net: Shape and functions of the networks.
        distribution: How actions are drawn from the networks' output.
        algorithm: Targets and loss.
    """

    net: ActorCritic
    distribution: Distribution
    algorithm: Algorithm


def total_loss(
    agent: Agent,
    policy: PolicyView,
    values: Tensor,  # [M, B], zeros without a critic
    batch: Batch,
    hyper: Hyperparams,
) -> Tensor:  # [M]
    """The whole loss: L = policy loss + vf_coef * value loss - ent_coef * entropy."""
    policy_loss = agent.algorithm.loss(policy, batch, hyper)
    value_loss = losses.value_loss(values, batch.values, batch.returns, hyper.value_clip, batch.weights)
    entropy = masked_mean(policy.entropy, batch.weights)
    return policy_loss + hyper.vf_coef * value_loss - hyper.ent_coef * entropy


def update(
    agent: Agent,
    trainable: Trainable,
    batch: Batch,
    hyper: Hyperparams,  # annealed
    seeds: Sequence[int],
    iteration: int,
    num_epochs: int,
    num_minibatches: int,
) -> Outcome:
    """Improve the agents in place: epochs of minibatches on one rollout, each member by its own gradient.

    A member whose policy has moved further than 1.5 ``target_kl`` takes no further step in this iteration.
    """
    normalize = hyper.normalize_advantages > 0
    orders = permutations(seeds, iteration, num_epochs, batch.weights.shape[1])
    epochs = (
        agent_minibatches(batch, epoch_order, num_minibatches, normalize) for epoch_order in orders.unbind(1)
    )
    rates = agent.net.rates(hyper.learning_rate, hyper.critic_learning_rate)
    outcome = optimise(trainable, AgentObjective(agent, hyper), epochs, rates, hyper.max_grad_norm)
    if agent.net.critic:
        outcome.metrics["train/explained_variance"] = explained_variance(batch)
    return outcome


@dataclass(frozen=True)
class AgentObjective:
    """The total loss as :func:`~ppo_cli.learn.optimise.optimise` takes it."""

    agent: Agent
    hyper: Hyperparams

    def gradient(self, params: Tensor, minibatch: Batch) -> Gradient:
        """The gradient of the total loss, and whether ``target_kl`` lets a member go on."""
        net = self.agent.net
        output, values = net.forward(params, minibatch.obs)
        policy = PolicyView.of_output(self.agent.distribution, output, minibatch)
        loss_grad = self.agent.algorithm.loss_gradient(policy, minibatch, self.hyper)
        if loss_grad is None:
            output_grads = grad_by_autograd(self.agent, output, values, minibatch, self.hyper)
        else:
            output_grads = grad_by_hand(self.agent, loss_grad, output, values, minibatch, self.hyper)
        goes_on = None
        if self.hyper.kl_limit is not None:
            approx_kl = losses.approx_kl(policy.log_ratio, policy.log_ratio.exp(), minibatch.weights)
            goes_on = approx_kl <= self.hyper.kl_limit
        aux = (policy.log_ratio, policy.entropy, values.clone())
        return Gradient(net.backward(params, *output_grads), minibatch.weights.any(1), aux, goes_on)

    def metrics(self, aux: Sequence[Tensor], batch: Batch) -> dict[str, Tensor]:
        """Compute losses, entropy and how far the policy moved, of K minibatches."""
        log_ratio, entropy, values = aux
        policy = PolicyView(log_ratio + batch.log_probs, log_ratio, entropy)
        metrics = self.agent.algorithm.metrics(policy, batch, self.hyper)
        if self.agent.net.critic:
            metrics["train/value_loss"] = losses.value_loss(
                values, batch.values, batch.returns, self.hyper.value_clip, batch.weights
            )
        metrics["train/entropy"] = masked_mean(entropy, batch.weights)
        metrics["train/approx_kl"] = losses.approx_kl(log_ratio, log_ratio.exp(), batch.weights)
        return metrics


OutputGrads = tuple[Tensor, Tensor | None, Tensor]
"""Gradient of the total loss with respect to the networks' outputs: the policy's head ``[M, B, K]``, its log
std ``[M, A]`` (None where it has none), the values ``[M, B]``."""


def grad_by_autograd(
    agent: Agent, output: PolicyOutput, values: Tensor, batch: Batch, hyper: Hyperparams
) -> OutputGrads:
    """Differentiate the total loss automatically: for algorithms that offer no ``loss_gradient``."""
    head, new_values = (tensor.detach().requires_grad_() for tensor in (output.head, values))
    leaves = [head, new_values]
    log_std = None
    if output.log_std is not None:  # a copy for each transition, because over_batch must do their sum
        log_std = output.log_std.detach().expand_as(head).clone().requires_grad_()
        leaves.append(log_std)
    policy = PolicyView.of_output(agent.distribution, PolicyOutput(head, log_std), batch)
    loss = total_loss(agent, policy, new_values, batch, hyper)
    grad_head, grad_values, *rest = torch.autograd.grad(loss.sum(), leaves, materialize_grads=True)
    return grad_head, over_batch(rest[0]) if rest else None, grad_values


def grad_by_hand(
    agent: Agent,
    loss_grad: LossGradient,
    output: PolicyOutput,
    values: Tensor,
    batch: Batch,
    hyper: Hyperparams,
) -> OutputGrads:
    """Chain the written-out derivatives; a test holds the result to :func:`grad_by_autograd`'s.

    For networks this small it is faster.
    """
    distribution = agent.distribution
    grad_head, grad_log_std = distribution.backward(
        output, batch.actions, loss_grad.log_probs, batch.weights * -hyper.ent_coef[:, None]
    )
    if loss_grad.kl is not None:
        assert batch.old_policy is not None
        kl_head, kl_log_std = distribution.kl_backward(batch.old_policy, output, loss_grad.kl)
        grad_head = grad_head + kl_head
        if grad_log_std is not None and kl_log_std is not None:
            grad_log_std = grad_log_std + kl_log_std
    grad_values = losses.value_loss_grad(values, batch.values, batch.returns, hyper.value_clip, batch.weights)
    return grad_head, grad_log_std, grad_values.mul_(hyper.vf_coef[:, None])
