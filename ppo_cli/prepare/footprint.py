"""Estimate from above the disk and memory that a run takes, before it is started. No torch."""

from __future__ import annotations

import itertools

from ppo_cli.config.schema import RunConfig
from ppo_cli.envs.factory import env_spec
from ppo_cli.spaces import EnvSpec

WORKER_BYTES = 300_000_000
"""Memory in bytes of a process that trains, before it has any member: most of it is torch."""

BETA_NOISE = 24
"""Random numbers that a Beta policy needs for one number of an action."""

_FLOAT_BYTES = 4
_COPIES = 8  # two checkpoints of parameters and two Adam moments each, and two policies
_POLICY_BYTES = 4_000  # of a policy file, beside its parameters
_ROW_BYTES = 300  # a line of metrics.csv
_FIXED_BYTES = 20_000

# Measured: an environment of CartPole takes 4 kB, of LunarLander 103 kB, of BipedalWalker 282 kB.
_ENV_BYTES = 300_000
_REWARD_MODEL_BYTES = 200_000  # of a copy; a transformer of LunarLander with default settings has 190 kB
_TRAINING_COPIES = 12  # parameters, gradients, Adam's moments, and what a minibatch's backward pass holds


def num_parameters(config: RunConfig) -> int:
    """Parameters of a member: of the actor, and of a critic of the same widths where there is one."""
    spec = env_spec(config.env_id, config.env_kwargs)
    num_outputs, log_std = spec.action.size, 0
    if _is_beta(config, spec):
        num_outputs = 2 * spec.action.size
    elif spec.action.kind == "box":
        log_std = spec.action.size
    widths = [spec.obs_size, *config.network.hidden_sizes, max(num_outputs, 2)]
    network = sum((below + 1) * above for below, above in itertools.pairwise(widths)) + log_std
    return (2 if config.facts.critic(config.learning) else 1) * network


def disk_bytes(config: RunConfig) -> int:
    """Estimate the size of a run folder in bytes."""
    policy = _FLOAT_BYTES * num_parameters(config) + _POLICY_BYTES
    kept = min(config.output.keep_policies, config.num_iterations + 1) * policy
    if config.facts.reference_path(config.learning):
        kept += policy  # a copy of it, taken to be as large
    if config.learns_reward:
        kept += _REWARD_MODEL_BYTES
    numbers = _COPIES * _FLOAT_BYTES * num_parameters(config)
    return numbers + kept + _ROW_BYTES * config.num_iterations + _FIXED_BYTES


def memory_bytes(config: RunConfig) -> int:
    """Estimate the memory in bytes that one member adds to its population."""
    spec = env_spec(config.env_id, config.env_kwargs)
    envs = config.rollout.num_envs + max(
        config.evaluation.eval_episodes, config.evaluation.final_eval_episodes
    )
    minibatch = -(-config.steps_per_iteration // config.facts.num_minibatches(config.learning))
    activations = 2 * 3 * minibatch * sum(config.network.hidden_sizes)
    floats = (
        _transition_floats(config, spec) * config.steps_per_iteration
        + activations
        + _TRAINING_COPIES * num_parameters(config)
    )
    return _FLOAT_BYTES * floats + _ENV_BYTES * envs


def _transition_floats(config: RunConfig, spec: EnvSpec) -> int:
    """Numbers kept of one transition: in the rollout, in the batch, and shuffled in the minibatches."""
    noise = BETA_NOISE if _is_beta(config, spec) else 1
    return 3 * (2 * spec.obs_size + (1 + noise) * spec.action.size + 10)


def _is_beta(config: RunConfig, spec: EnvSpec) -> bool:
    return spec.action.kind == "box" and config.network.policy == "beta"
