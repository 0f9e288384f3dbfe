"""The training loop: a population in, a report per iteration out.

    collect -> estimate advantages -> update -> statistics -> log -> evaluate -> checkpoint

Members are rows of every tensor. A member that diverges is taken out; the others do not notice.
"""

from __future__ import annotations

import contextlib
import gc
import math
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.iteration_report import IterationReport
from ppo_cli.learn.population import Population
from ppo_cli.learn.rollout import Batch, Rollout, action_noise
from ppo_cli.learn.session import Session
from ppo_cli.learn.update import kl_moved, update
from ppo_cli.nn.masked import share_used

CHECKPOINT_SHARE = 0.02  # of the training time, at most
GARBAGE_AFTER = 50_000  # new objects; Python's own 700 cost 5 % of the time on LunarLander


def train(
    population: Population, *, stop: Callable[[], bool] = lambda: False, until: int | None = None
) -> Iterator[IterationReport]:
    """Train a population to its end, or until ``stop()`` says so.

    Args:
        population: Members that share one program.
        stop: Asked after every iteration and before every step of an evaluation. When true, a checkpoint
            is saved and training ends with status ``interrupted``. (During an evaluation nothing is saved:
            training goes on from the checkpoint before, to the same bits.)
        until: Do so after this iteration, whatever ``stop()`` says; None trains to the end. Members that are
            as far already are not trained: only their summaries are written.

    Yields:
        A report after each iteration; the last one says how each member ended.

    Raises:
        RunLockedError: Another process writes one of the runs.
        StorageError: The disk is full or cannot be written; the last checkpoint is intact.
    """
    torch.set_num_threads(1)
    with Session.open(population) as session, fewer_garbage_collections():
        pace = _CheckpointPace()
        last = session.num_iterations if until is None else min(until, session.num_iterations)
        if session.state.iteration == 0:
            session.keep_policies()
        while session.state.iteration < last and session.members:
            if not train_iteration(session, stop):
                session.finish("interrupted")
                break
            if session.members and pace.due():
                pace.save(session)
            if stop():
                break
            if session.state.iteration < last and session.members:
                yield session.report()
        if session.members:
            session.save()
            finished = session.state.iteration >= session.num_iterations and session.final_evaluation(stop)
            session.finish("completed" if finished else "interrupted")
        yield session.report()


def train_iteration(session: Session, stop: Callable[[], bool] = lambda: False) -> bool:
    """One iteration of all members: collect, update, evaluate, log. False when stopped while evaluating."""
    rollout = collect(session)
    metrics = learn(session, rollout)
    session.update_statistics(rollout)
    session.count_steps(rollout)
    session.state.iteration += 1
    session.drop_diverged(metrics)
    if session.members and session.evaluation_due() and not session.evaluate(stop):
        return False
    session.log(metrics)
    session.keep_policies()
    return True


def collect(session: Session) -> Rollout:
    """What the algorithm learns from, played with the current policies."""
    config = session.config
    shape = (config.rollout.num_steps, config.rollout.num_envs, session.net.num_actions)
    noise = action_noise(session.distribution, session.seeds, session.state.iteration, shape)
    rollout = session.algorithm.collect(
        session.net, session.distribution, session.state.params, session.envs, session.normalizer(), noise
    )
    for name, seconds in rollout.seconds.items():
        session.timings[name] += seconds
    session.check_rollout(rollout)
    return rollout


def learn(session: Session, rollout: Rollout) -> dict[str, Tensor]:
    """Estimate advantages and update the policies; metrics ``[M]`` by name."""
    config, state = session.config, session.state
    hyper = session.hyper.at(1 - state.iteration / session.num_iterations, state.adapted)
    with session.timed("update"), torch_threads(session.config.compute.num_threads):
        batch = make_batch(session, rollout)
        result = update(
            session.learner, state, batch, hyper, session.seeds,
            config.num_passes, config.learning.num_minibatches,
        )  # fmt: skip
        metrics = result.metrics | adapt_penalty(session, batch, hyper)
        if session.algorithm.has_critic:
            metrics["train/explained_variance"] = explained_variance(batch)
    session.fail(result.failures)
    metrics |= {f"train/{name}": getattr(hyper, name) for name in session.algorithm.logged}
    if config.whole_episodes:
        metrics["train/used"] = share_used(batch.weights)
    return metrics | {
        "train/learning_rate": hyper.learning_rate,
        "train/std": session.net.mean_std(state.params),
    }


def adapt_penalty(session: Session, batch: Batch, hyper: Hyperparams) -> dict[str, Tensor]:
    """Let a penalty change its weight by how far the update went; the metrics of that."""
    penalty, state = session.algorithm.penalty, session.state
    if penalty is None:
        return {}
    moved = kl_moved(session.learner, state.params, batch)
    state.adapted[penalty.coefficient] = penalty.adapt(moved, hyper)
    return {"train/kl": moved}


def make_batch(session: Session, rollout: Rollout) -> Batch:
    """Values, log-probabilities and targets of a rollout, flattened to ``[M, B]``."""
    num_members, num_steps, num_envs = rollout.rewards.shape
    reference = session.reference.log_probs(rollout) if session.reference else None
    policy, values = session.net.forward(session.state.params, rollout.obs.flatten(1, 2))
    values = values.view(num_members, num_steps + 1, num_envs)
    batch_size = num_steps * num_envs
    old, actions = policy.first(batch_size), rollout.actions.flatten(1, 2)
    rewards = rollout.rewards * session.hyper.reward_scale[:, None, None]
    targets = session.algorithm.targets(rollout, rewards, values, session.hyper)
    return Batch(
        obs=rollout.obs[:, :-1].flatten(1, 2),
        actions=actions,
        log_probs=session.distribution.log_prob(old, actions),
        values=values[:, :-1].flatten(1, 2),
        advantages=targets.advantages.flatten(1, 2),
        returns=targets.returns.flatten(1, 2),
        weights=targets.weights.flatten(1, 2),
        old_policy=old.clone() if session.algorithm.penalty else None,
        ref_log_probs=reference,
    )


def explained_variance(batch: Batch) -> Tensor:  # [M]
    """1 - Var(returns - values) / Var(returns) over real transitions, member by member."""
    results = []
    for m in range(batch.returns.shape[0]):
        real = batch.weights[m].numpy() > 0
        returns = batch.returns[m].numpy()[real].astype(np.float64)
        errors = returns - batch.values[m].numpy()[real]
        variance = returns.var() if len(returns) else 0.0
        results.append(1 - errors.var() / variance if variance > 0 else math.nan)
    return torch.tensor(results)


@contextlib.contextmanager
def fewer_garbage_collections() -> Iterator[None]:
    """Look for reference cycles less often, and not among what is there already (modules, environments)."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextlib.contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """Let the arithmetic of a block use several threads; collecting is too fine-grained to gain from them."""
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(1)


class _CheckpointPace:
    """Checkpoints as often as a fixed share of the time allows."""

    def __init__(self) -> None:
        self.last, self.cost = time.perf_counter(), 0.0

    def due(self) -> bool:
        return time.perf_counter() - self.last >= self.cost / CHECKPOINT_SHARE

    def save(self, session: Session) -> None:
        started = time.perf_counter()
        session.save()
        self.last = time.perf_counter()
        self.cost = self.last - started
