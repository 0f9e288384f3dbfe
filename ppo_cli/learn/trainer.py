"""The training loop: a population in, a report per iteration out.

    collect -> relabel -> learn -> evaluate -> log -> checkpoint

Members are rows of every tensor. A member that diverges is taken out; the others do not notice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ppo_cli.config.schema import RunConfig
from ppo_cli.errors import UsageError
from ppo_cli.learn.batch import Batch, PolicyView
from ppo_cli.learn.build import open_population
from ppo_cli.learn.compiled_update import improve
from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.iteration_report import IterationReport
from ppo_cli.learn.machine import MemoryWatch, fewer_garbage_collections, torch_threads
from ppo_cli.learn.population import Population
from ppo_cli.learn.population_state import PopulationState
from ppo_cli.learn.relabelling import relabelled
from ppo_cli.learn.resume import checkpoint_tensors
from ppo_cli.learn.rollout import (
    Rollout,
    action_noise,
    collect_episodes,
    collect_steps,
    non_finite,
    non_finite_actions,
)
from ppo_cli.metrics import check_logged, columns
from ppo_cli.nn.masked import share_used
from ppo_cli.pace import Pace
from ppo_cli.play.evaluate import play_episodes
from ppo_cli.rng import Stream
from ppo_cli.runs.eval_stats import EvalStats
from ppo_cli.runs.kept_policies import keep_due

CHECKPOINT_SHARE = 0.02  # of the training time, at most

Stop = Callable[[], bool]


def train(
    population: Population, *, stop: Stop = lambda: False, until: int | None = None
) -> Iterator[IterationReport]:
    """Train a population to its end, or until ``stop()`` says so.

    Args:
        population: Members that share one program.
        stop: Asked after every iteration and every 64 steps of an evaluation. When true, a checkpoint
            is saved and training ends with status ``interrupted``. (During an evaluation nothing is saved:
            training goes on from the checkpoint before, to the same bits.)
        until: Stop likewise after this iteration, whatever ``stop()`` says; None trains to the end. Members
            that are as far already are not trained: only their summaries are written.

    Yields:
        A report after each iteration; the last one says how each member ended.

    Raises:
        RunLockedError: Another process writes one of the runs.
        StorageError: The disk is full or cannot be written; the last checkpoint is intact.
    """
    torch.set_num_threads(1)
    with open_population(population) as state, fewer_garbage_collections():
        pace, memory = Pace(CHECKPOINT_SHARE), MemoryWatch(state.config.env_id)
        last = state.num_iterations if until is None else min(until, state.num_iterations)
        if state.iteration == 0:
            keep_policies(state)
        while state.iteration < last and state.members:
            if not train_iteration(state, stop):
                state.finish("interrupted")
                break
            if state.members and pace.due():
                with pace.timed():
                    checkpoint(state)
            if stop():
                break
            check_memory(state, memory)
            if state.iteration < last and state.members:
                yield state.report()
        if state.members:
            checkpoint(state)
            finished = state.iteration >= state.num_iterations and final_evaluation(state, stop)
            state.finish("completed" if finished else "interrupted")
        yield state.report()


def train_iteration(state: PopulationState, stop: Stop = lambda: False) -> bool:
    """Train all members for one iteration; False when stopped while evaluating."""
    rollout = collect(state)
    seen, metrics = relabel(state, rollout)
    metrics |= learn(state, seen)
    update_statistics(state, rollout)
    state.learner.iteration += 1
    metrics = drop_diverged(state, metrics)
    if state.members and evaluation_due(state) and not evaluate(state, stop):
        return False
    log(state, metrics)
    keep_policies(state)
    return True


# ---------------------------------------------------------------------- the verbs of an iteration


def collect(state: PopulationState) -> Rollout:
    """Play the current policies for one rollout."""
    config, agent = state.config, state.agent
    shape = (config.rollout.num_steps, config.rollout.num_envs, agent.net.num_actions)
    noise = action_noise(agent.distribution, state.seeds, state.iteration, shape, agent.net.kernels)
    collector = collect_episodes if config.facts.whole_episodes else collect_steps
    params = state.learner.agent.params
    rollout = collector(agent.net, agent.distribution, params, state.rows.envs, state.normalizer(), noise)
    for name, seconds in rollout.seconds.items():
        state.timings[name] += seconds
    state.steps_taken += rollout.idle.numel() - int(np.count_nonzero(rollout.idle.numpy()))
    state.fail(non_finite_actions(rollout))
    state.fail(non_finite(rollout), status="failed")  # the environment's fault, not the policy's
    return rollout


def relabel(state: PopulationState, rollout: Rollout) -> tuple[Rollout, dict[str, Tensor]]:
    """Replace the rewards by those that the learner sees; also metrics of that, ``[M]`` by name."""
    seen, metrics = relabelled(state, rollout)
    if seen is not rollout:
        state.fail(non_finite(seen))
    check_logged(state.config, metrics)
    return seen, metrics


def learn(state: PopulationState, rollout: Rollout) -> dict[str, Tensor]:
    """Estimate advantages and update the policies; metrics ``[M]`` by name."""
    config, agent, hyper = state.config, state.agent, state.hyper_now()
    with state.timed("update"), torch_threads(config.compute.num_threads):
        batch = make_batch(state, rollout)
        outcome = improve(
            agent, state.learner.agent, batch, hyper, state.seeds, state.iteration,
            config.facts.num_passes(config.learning), config.facts.num_minibatches(config.learning),
        )  # fmt: skip
        metrics = outcome.metrics | adapt(state, batch, hyper)
    state.fail(outcome.failures)
    metrics |= scheduled(config, hyper)
    if config.facts.whole_episodes:
        metrics["train/used"] = share_used(batch.weights)
    metrics["train/std"] = agent.net.mean_std(state.learner.agent.params)
    check_logged(config, metrics)
    return metrics


def adapt(state: PopulationState, batch: Batch, hyper: Hyperparams) -> dict[str, Tensor]:
    """Let the algorithm adapt hyperparameters to how the update went; metrics of that ``[M]`` by name."""
    agent = state.agent

    def view_policy() -> PolicyView:
        output, _ = agent.net.forward(state.learner.agent.params, batch.obs)
        return PolicyView.of_output(agent.distribution, output, batch)

    adapted = agent.algorithm.after_update(view_policy, batch, hyper)
    state.learner.adapted |= adapted.hyperparams
    return adapted.metrics


def update_statistics(state: PopulationState, rollout: Rollout) -> None:
    """Merge a rollout's observations into the running statistics."""
    if state.config.normalization.normalize_obs:
        obs, idle = rollout.raw_obs[:, :-1].flatten(1, 2), rollout.idle.flatten(1, 2)
        state.learner.statistics.update_(obs, ~idle)


def drop_diverged(state: PopulationState, metrics: dict[str, Tensor]) -> dict[str, Tensor]:
    """Take out the members that cannot go on; returns the metrics of the others."""
    state.fail(state.learner.non_finite())
    if state.failures:
        log_episodes(state)  # while their member numbers are still the rows
    kept = state.drop_failed()
    return metrics if kept is None else {name: values[kept] for name, values in metrics.items()}


def evaluate(state: PopulationState, stop: Stop) -> bool:
    """Evaluate every member and keep the best policies; False when stopped."""
    with state.timed("evaluation"):
        results = _play(state, Stream.EVAL, state.iteration, state.config.evaluation.eval_episodes, stop)
        if results is None:
            return False
        for row, stats in enumerate(results):
            state.rows.recorders[row].log_evaluation(state.global_step, stats, state.policy(row))
    return True


def log(state: PopulationState, metrics: Mapping[str, Tensor]) -> None:
    """Write the finished episodes and one row of metrics per member."""
    log_episodes(state)
    by_member = {name: values.tolist() for name, values in metrics.items()}
    for row, recorder in enumerate(state.rows.recorders):
        logged: dict[str, float] = {name: values[row] for name, values in by_member.items()}
        logged |= {"iteration": state.iteration, "global_step": state.global_step}
        if recorder.last_eval is not None and recorder.last_eval_step == state.global_step:
            logged["eval/episode_return"] = recorder.last_eval.mean
        logged |= {"time/wall_time": recorder.wall_time, "time/steps_per_second": state.steps_per_second}
        recorder.log_iteration(logged)


def log_episodes(state: PopulationState) -> None:
    """Write the episodes that have finished since the last time."""
    for episode in state.rows.envs.pop_episodes():
        state.rows.recorders[episode.member].log_episode(state.rows.with_learned_return(episode))


def checkpoint(state: PopulationState) -> None:
    """Save a checkpoint of every member."""
    with state.timed("checkpoint"):
        progress = state.rows.envs.progress()
        for row, recorder in enumerate(state.rows.recorders):
            tensors = checkpoint_tensors(state.learner, progress, row) | state.rows.learned_tensors(row)
            recorder.save_checkpoint(state.iteration, tensors, state.policy(row))


def keep_policies(state: PopulationState) -> None:
    """Keep every member's policy if one of ``keep_policies`` falls on this iteration."""
    if keep_due(state.iteration, state.num_iterations, state.config.output.keep_policies):
        for row, recorder in enumerate(state.rows.recorders):
            recorder.keep_policy(state.global_step, state.policy(row))


def final_evaluation(state: PopulationState, stop: Stop) -> bool:
    """Evaluate the last policies on fresh episodes; False when stopped."""
    episodes = state.config.evaluation.final_eval_episodes
    if not episodes:
        return True
    with state.timed("evaluation"):
        state.final = _play(state, Stream.FINAL_EVAL, 0, episodes, stop)
    return state.final is not None


# ---------------------------------------------------------------------- helpers of these verbs


def make_batch(state: PopulationState, rollout: Rollout) -> Batch:
    """Compute values, log-probabilities and targets of a rollout, flattened to ``[M, B]``, B = T N."""
    agent, (num_members, num_steps, num_envs) = state.agent, rollout.rewards.shape
    obs, actions = rollout.obs[:, :-1].flatten(1, 2), rollout.actions.flatten(1, 2)
    ref_log_probs = None
    if state.rows.reference is not None and state.config.facts.loss_holds_on:
        output = state.rows.reference.outputs(obs, rollout.raw_obs[:, :-1].flatten(1, 2))
        ref_log_probs = agent.distribution.log_prob(output, actions)
    values, log_probs, old_policy = agent.net.judge(
        agent.distribution, state.learner.agent.params, rollout.obs.flatten(1, 2), actions,
        keep_output=agent.algorithm.needs_kl,
    )  # fmt: skip
    values = values.view(num_members, num_steps + 1, num_envs)
    targets = agent.algorithm.targets(rollout, values, state.rows.hyper)
    return Batch(
        obs=obs,
        actions=actions,
        log_probs=log_probs,
        values=values[:, :-1].flatten(1, 2),
        advantages=targets.advantages.flatten(1, 2),
        returns=targets.returns.flatten(1, 2),
        weights=targets.weights.flatten(1, 2),
        old_policy=old_policy,
        ref_log_probs=ref_log_probs,
    )


def scheduled(config: RunConfig, hyper: Hyperparams) -> dict[str, Tensor]:
    """Pick the hyperparameters that are logged: those with a metric named after them, ``[M]`` each."""
    names = _logged_hyperparams(columns(config, ()))
    return {f"train/{name}": getattr(hyper, name) for name in names}


@lru_cache
def _logged_hyperparams(declared: tuple[str, ...]) -> tuple[str, ...]:
    adapted = {"reference_coef"}  # relabel has logged what it used
    return tuple(name for name in Hyperparams.names() if f"train/{name}" in declared and name not in adapted)


def evaluation_due(state: PopulationState) -> bool:
    """Whether one of ``num_evals`` evenly spaced evaluations falls on this iteration."""
    num_evals, iteration = state.config.evaluation.num_evals, state.iteration
    return num_evals * iteration // state.num_iterations > num_evals * (iteration - 1) // state.num_iterations


def check_memory(state: PopulationState, memory: MemoryWatch) -> None:
    """Save a checkpoint where memory runs out.

    Raises:
        UsageError: It does, because of the environment.
    """
    try:
        memory.check()
    except UsageError:
        if state.members:
            checkpoint(state)
        raise


def _play(
    state: PopulationState, stream: Stream, round_index: int, episodes: int, stop: Stop
) -> list[EvalStats] | None:
    """Play every member's policy for some episodes; None when stopped."""
    return play_episodes(
        state.agent.net,
        state.agent.distribution,
        state.learner.agent.params,
        state.normalizer(),
        env_kwargs=state.config.env_kwargs,
        seeds=state.seeds,
        stream=stream,
        round_index=round_index,
        episodes=episodes,
        stop=stop,
    )
