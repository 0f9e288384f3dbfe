"""An exported model acts in Stable-Baselines3 as the policy does here, also with the statistics folded in."""

from __future__ import annotations

import io
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from helpers.export_policies import (
    BOX,
    CLIP_OBS,
    EVERY_KIND,
    OBS_SIZE,
    ORIGIN,
    Maze,
    logits_and_values,
    make_policy,
    observations,
)

from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.envs.factory import env_spec
from ppo_cli.errors import UsageError
from ppo_cli.export.arrays import PolicyArrays, arrays_of
from ppo_cli.export.sb3_zip import sb3_file
from ppo_cli.nn.actor_critic import ActorCritic
from ppo_cli.play.policy import Policy, PolicyShape
from ppo_cli.rng import Stream, generator
from ppo_cli.spaces import ActionSpec

sb3 = pytest.importorskip("stable_baselines3")

CONFIG = with_values(RunConfig(env_id=ORIGIN.env_id), {"gamma": 0.97, "eps_clip": 0.3})
UNCLIPPED = 1e6
KNOWN_KINDS = [line for line in EVERY_KIND if line[0] in ("discrete", "box")]


def loaded(
    arrays: PolicyArrays, config: RunConfig = CONFIG, env: gym.Env[Any, Any] | None = None, **options: bool
) -> Any:
    data = sb3_file(arrays, config, env or Maze(arrays.action), **options)
    return sb3.PPO.load(io.BytesIO(data), device="cpu")


@pytest.mark.parametrize(("kind", "activation", "normalize_obs"), KNOWN_KINDS)
def test_actions_values_and_log_probabilities_agree(kind: str, activation: str, normalize_obs: bool) -> None:
    policy = make_policy(kind, activation, normalize_obs, clip_obs=UNCLIPPED)
    model, obs = loaded(arrays_of(policy)), observations(policy, 2_000)
    expected, _ = policy.predict(obs, deterministic=True)
    actual, _ = model.predict(obs, deterministic=True)
    if kind == "discrete":
        assert np.array_equal(actual, expected)
        assert len(np.unique(actual)) > 1
    else:
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5)
    taken, _ = policy.predict(obs)
    output = policy.net.act(policy.params, policy.normalizer(torch.from_numpy(obs)[None]))
    own_log_probs = policy.distribution.log_prob(output, torch.from_numpy(taken)[None])[0].numpy().copy()
    with torch.no_grad():
        values, log_probs, _ = model.policy.evaluate_actions(torch.from_numpy(obs), torch.from_numpy(taken))
    _, own_values = logits_and_values(policy, obs)
    np.testing.assert_allclose(values[:, 0], own_values, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(log_probs, own_log_probs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["discrete", "box"])
def test_clipping_is_one_more_layer_of_a_relu_network(kind: str) -> None:
    policy = make_policy(kind, "relu", clip_obs=CLIP_OBS)
    obs = observations(policy, 2_000)
    normalization = arrays_of(policy).normalization
    assert normalization is not None and 0.1 < normalization.clipped(obs).mean() < 0.9
    (expected, _), (location, values) = (
        policy.predict(obs, deterministic=True),
        logits_and_values(policy, obs),
    )
    model = loaded(arrays_of(policy), clipping=True)
    if kind == "discrete":
        assert np.array_equal(model.predict(obs, deterministic=True)[0], expected)
    else:
        np.testing.assert_allclose(model.predict(obs, deterministic=True)[0], expected, rtol=0, atol=1e-5)
    with torch.no_grad():
        distribution = model.policy.get_distribution(torch.from_numpy(obs)).distribution
        actual = distribution.logits if kind == "discrete" else distribution.mean
        own = torch.from_numpy(location)
        own = own.log_softmax(-1) if kind == "discrete" else own
        np.testing.assert_allclose(actual, own, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(
            model.policy.predict_values(torch.from_numpy(obs))[:, 0], values, rtol=1e-4, atol=1e-5
        )
    without = loaded(arrays_of(policy)).predict(obs, deterministic=True)[0]
    assert not np.array_equal(without, expected), "these observations tell the two apart"


def test_hidden_layers_of_any_number_and_size_are_carried_over() -> None:
    for hidden_sizes in ((3,), (8, 4, 2)):
        policy = make_policy("box", "tanh", hidden_sizes=hidden_sizes, clip_obs=UNCLIPPED)
        model, obs = loaded(arrays_of(policy)), observations(policy, 200)
        expected, _ = policy.predict(obs, deterministic=True)
        np.testing.assert_allclose(model.predict(obs, deterministic=True)[0], expected, rtol=0, atol=1e-5)


def test_the_model_can_be_trained_on_with_the_runs_settings() -> None:
    policy = make_policy("box")
    data = sb3_file(arrays_of(policy), with_values(CONFIG, {"num_steps": 16, "num_envs": 4}), Maze(BOX))
    model = sb3.PPO.load(io.BytesIO(data), env=Maze(BOX), device="cpu")
    assert (model.gamma, model.clip_range(1.0), model.n_steps, model.batch_size) == (0.97, 0.3, 16, 16)
    model.learn(32)


def test_a_run_of_one_step_an_iteration_can_be_exported() -> None:
    config = with_values(CONFIG, {"num_steps": 1, "num_envs": 8})
    data = sb3_file(arrays_of(make_policy("box")), config, Maze(BOX))
    assert sb3.PPO.load(io.BytesIO(data), device="cpu").n_steps == 2


def test_a_policy_without_a_critic_values_nothing() -> None:
    model = loaded(arrays_of(make_policy(critic=False)))
    with torch.no_grad():
        assert not model.policy.predict_values(torch.ones(3, OBS_SIZE)).any()


@pytest.mark.parametrize(("kind", "setting"), [("beta", "policy=beta"), ("squashed", "squash=true")])
def test_actions_that_stable_baselines3_does_not_know_are_refused(kind: str, setting: str) -> None:
    with pytest.raises(UsageError, match=setting) as caught:
        sb3_file(arrays_of(make_policy(kind)), CONFIG, Maze(BOX))
    assert "--to onnx and --to numpy" in str(caught.value.hint)


def test_actions_without_bounds_are_refused() -> None:
    policy = make_policy(action=ActionSpec("box", 1, (-np.inf,), (np.inf,)))
    with pytest.raises(UsageError, match="Maze-v0 has actions without bounds"):
        sb3_file(arrays_of(policy), CONFIG, Maze(policy.shape.spec.action))


@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1"])
def test_episodes_in_the_real_environment_come_out_the_same(env_id: str) -> None:
    """By Stable-Baselines3's own evaluation, from the same start states."""
    evaluate = pytest.importorskip("stable_baselines3.common.evaluation").evaluate_policy
    policy = untrained(env_id)
    env = gym.make(env_id)
    model = loaded(arrays_of(policy), RunConfig(env_id=env_id), env)
    monitored = sb3.common.monitor.Monitor(gym.make(env_id))
    results = []
    for player in (model, policy):
        monitored.reset(seed=3)
        results.append(evaluate(player, monitored, n_eval_episodes=5, return_episode_rewards=True))
    (theirs, their_lengths), (ours, our_lengths) = results
    assert their_lengths == our_lengths
    np.testing.assert_allclose(theirs, ours, rtol=1e-3)
    assert len(set(ours)) > 1, "the episodes differ from each other"


def untrained(env_id: str) -> Policy:
    """A normalising policy for a real environment."""
    shape = PolicyShape(env_spec(env_id), (16, 8), "tanh", True, UNCLIPPED)
    net = ActorCritic(shape.spec, shape.hidden_sizes, shape.activation)
    params = net.init([generator(4, Stream.INIT)], [0.0])[0]
    for value in net.named_parameters(params).values():
        value += 0.1 * torch.randn(value.shape, generator=torch.Generator().manual_seed(len(value)))
    size = shape.spec.obs_size
    return Policy(shape, params, torch.full((size,), 0.1).double(), torch.full((size,), 0.5).double())
