"""A policy file: what goes in comes out, a changed byte is noticed, and Stable-Baselines3 can play it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from ppo_cli import load_policy
from ppo_cli.envs.factory import env_spec
from ppo_cli.errors import CorruptFileError, UsageError
from ppo_cli.play.evaluate import evaluate_policy, evaluate_run
from ppo_cli.play.policy import Policy, PolicyShape
from ppo_cli.rng import Stream, episode_seed, generator
from ppo_cli.runs.run_dir import RunDir
from ppo_cli.storage.tensor_file import load_tensors, save_tensors

ENVS = ["CartPole-v1", "Pendulum-v1", "LunarLander-v3", "LunarLanderContinuous-v3"]


def make_policy(env_id: str = "CartPole-v1", normalize_obs: bool = True, **kind: Any) -> Policy:
    spec = env_spec(env_id)
    shape = PolicyShape(spec, (16, 8), "tanh", normalize_obs, 3.0, **kind)
    net = shape.network()
    params = net.init([generator(4, Stream.INIT)], [0.3])[0]
    for value in net.named_parameters(params).values():
        value += 0.3 * torch.randn(value.shape, generator=torch.Generator().manual_seed(len(value)))
    stats = np.random.default_rng(5).uniform(0.5, 2.0, (2, spec.obs_size))
    return Policy(shape, params, torch.from_numpy(stats[0]), torch.from_numpy(stats[1]))


def observations(policy: Policy, count: int) -> np.ndarray:
    return np.random.default_rng(6).normal(size=(count, policy.shape.spec.obs_size)).astype(np.float32)


KINDS = [
    *((env_id, normalize_obs, {}) for env_id in ENVS for normalize_obs in (False, True)),
    ("Pendulum-v1", True, {"policy": "beta"}),
    ("LunarLanderContinuous-v3", False, {"squash": True}),
    ("CartPole-v1", False, {"critic": False}),
    ("LunarLanderContinuous-v3", True, {"policy": "beta", "critic": False}),
]


@pytest.mark.parametrize(("env_id", "normalize_obs", "kind"), KINDS)
def test_a_saved_policy_comes_back_the_same(
    env_id: str, normalize_obs: bool, kind: dict[str, Any], tmp_path: Path
) -> None:
    policy = make_policy(env_id, normalize_obs, **kind)
    policy.save(tmp_path / "policy.safetensors")
    loaded = load_policy(tmp_path / "policy.safetensors")
    assert loaded.shape == policy.shape
    assert torch.equal(loaded.params, policy.params)
    assert torch.equal(loaded.obs_mean, policy.obs_mean)
    assert torch.equal(loaded.obs_var, policy.obs_var)
    obs = observations(policy, 20)
    for deterministic in (True, False):
        assert np.array_equal(
            policy.predict(obs, deterministic=deterministic)[0],
            loaded.predict(obs, deterministic=deterministic)[0],
        )


def test_a_file_from_before_there_were_other_kinds_is_a_gaussian_with_a_critic(tmp_path: Path) -> None:
    path = tmp_path / "policy.safetensors"
    policy = make_policy("Pendulum-v1")
    policy.save(path)
    tensors, metadata = load_tensors(path)
    for name in ("policy", "squash", "critic"):
        del metadata[name]
    rewritten(path, tensors, metadata)
    assert load_policy(path).shape == policy.shape


@pytest.mark.parametrize("kind", [{"policy": "beta"}, {"squash": True}])
def test_policies_inside_the_bounds_come_close_to_them_and_do_not_stick_to_them(kind: dict[str, Any]) -> None:
    policy = make_policy("Pendulum-v1", **kind)
    obs = observations(policy, 2_000)
    for deterministic in (True, False):
        actions = policy.predict(obs, deterministic=deterministic)[0]
        assert actions.dtype == np.float32 and actions.shape == (2_000, 1)
        assert (np.abs(actions) <= 2.0).all() and (np.abs(actions) == 2.0).mean() < 0.01
        assert np.abs(actions).max() > 1.0


def test_a_beta_policy_for_unbounded_actions_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.safetensors"
    make_policy("Pendulum-v1", policy="beta").save(path)
    tensors, metadata = load_tensors(path)
    metadata["spec"]["action"]["high"] = [float("inf")]
    rewritten(path, tensors, metadata)
    with pytest.raises(CorruptFileError, match="needs actions with finite bounds"):
        load_policy(path)


def test_saving_twice_gives_equal_bytes(tmp_path: Path) -> None:
    make_policy().save(tmp_path / "a")
    make_policy().save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_any_changed_byte_is_detected(tmp_path: Path) -> None:
    path = tmp_path / "policy.safetensors"
    make_policy().save(path)
    good = path.read_bytes()
    rng = np.random.default_rng(0)
    for position in (0, 8, 9, len(good) - 1, *rng.integers(0, len(good), 150).tolist()):
        bad = bytearray(good)
        bad[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(bad))
        with pytest.raises(CorruptFileError):
            load_policy(path)
    for length in (0, 1, 100, len(good) - 1):
        path.write_bytes(good[:length])
        with pytest.raises(CorruptFileError):
            load_policy(path)


def rewritten(path: Path, tensors: dict, metadata: dict) -> None:
    """A file whose sums are right, made by someone else."""
    metadata = {key: value for key, value in metadata.items() if key != "sha256"}
    save_tensors(path, tensors, metadata)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t, m: m.update(kind="something else"), "not a policy"),
        (lambda t, m: m.update(format=99), "format"),
        (lambda t, m: m.update(activation="os.system"), "activation"),
        (lambda t, m: m.pop("hidden_sizes"), "hidden_sizes"),
        (lambda t, m: m.update(policy="cauchy"), "unknown policy 'cauchy'"),
        (lambda t, m: m.update(policy=["beta"]), "unknown policy"),
        (lambda t, m: m.update(squash="yes"), "squash is 'yes'"),
        (lambda t, m: m.update(critic=None), "critic is None"),
        (lambda t, m: t.pop("actor.0.weight"), "actor.0.weight"),
        (lambda t, m: t.update({"actor.0.bias": np.zeros(3, np.float32)}), "actor.0.bias"),
        (lambda t, m: t.update({"critic.0.bias": np.full(16, np.nan, np.float32)}), "not finite"),
        (lambda t, m: t.update({"obs_mean": np.zeros(4, np.float32)}), "obs_mean"),
        (lambda t, m: m["spec"]["action"].update(kind="tuple"), "action"),
        (lambda t, m: m["spec"]["action"].update(size=0), "0 actions"),
        (lambda t, m: m["spec"]["action"].update(kind="box"), "0 lower and 0 upper bounds"),
        (lambda t, m: m["spec"]["action"].update(size=10**12), "actor.2.weight"),
        (lambda t, m: m["spec"].update(obs_size=10**12), "obs_mean"),
        (lambda t, m: m["spec"].update(obs_size=-1), "obs_mean"),
        (lambda t, m: m.update(hidden_sizes=[]), "hidden_sizes"),
        (lambda t, m: m.update(hidden_sizes=[-1]), "hidden_sizes"),
        (lambda t, m: m.update(hidden_sizes=[10**9]), "actor.0.weight"),
        (lambda t, m: m.update(hidden_sizes=[10**9, 10**9, 10**9]), "not a policy"),
        (lambda t, m: m.update(hidden_sizes=[float("inf")]), "not a policy"),
    ],
)
def test_a_file_that_is_whole_but_no_policy_is_refused(change, words: str, tmp_path: Path) -> None:
    path = tmp_path / "policy.safetensors"
    make_policy().save(path)
    tensors, metadata = load_tensors(path)
    change(tensors, metadata)
    rewritten(path, tensors, metadata)
    with pytest.raises(CorruptFileError, match=words):
        load_policy(path)


def test_a_policy_of_another_environment_than_the_runs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("env_id: LunarLander-v3\n")
    make_policy("CartPole-v1").save(tmp_path / "policy.safetensors")
    with pytest.raises(CorruptFileError, match="environment is 'CartPole-v1', the run's 'LunarLander-v3'"):
        evaluate_run(RunDir(tmp_path), episodes=1, seed=0)


def test_a_policy_of_other_actions_than_the_runs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("env_id: LunarLander-v3\nenv_kwargs: {continuous: true}\n")
    make_policy("LunarLander-v3").save(tmp_path / "policy.safetensors")
    with pytest.raises(CorruptFileError, match="kind of action is 'discrete', the run's 'box'"):
        evaluate_run(RunDir(tmp_path), episodes=1, seed=0)


def test_a_missing_policy_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        load_policy(tmp_path)
    with pytest.raises(UsageError):
        load_policy(tmp_path / "policy.safetensors")


@pytest.mark.parametrize("env_id", ENVS)
def test_predict_follows_the_convention_of_stable_baselines3(env_id: str) -> None:
    policy, space = make_policy(env_id), gym.spec(env_id).make().action_space
    batch = observations(policy, 5)
    for deterministic in (True, False):
        actions, state = policy.predict(batch, deterministic=deterministic)
        assert state is None
        assert len(actions) == 5
        assert all(space.contains(action) for action in actions)
        action, state = policy.predict(batch[0], state=(np.ones(1),), episode_start=np.ones(1, bool))
        assert space.contains(action)
        assert state == (np.ones(1),)
    np.testing.assert_allclose(  # a matrix product rounds one row otherwise than several
        policy.predict(batch, deterministic=True)[0][2],
        policy.predict(batch[2], None, None, True)[0],
        rtol=1e-5,
        atol=1e-6,
    )


def test_predictions_are_stochastic_unless_asked_otherwise_and_do_not_reuse_buffers() -> None:
    policy = make_policy("Pendulum-v1")
    obs = np.repeat(observations(policy, 1), 50, axis=0)
    first = policy.predict(obs)[0]
    kept = first.copy()
    assert len(np.unique(first)) > 10
    assert not np.array_equal(first, policy.predict(obs)[0])
    assert np.array_equal(first, kept)
    assert len(np.unique(policy.predict(obs, deterministic=True)[0])) == 1


def test_actions_of_a_box_stay_inside_the_bounds() -> None:
    policy = make_policy("Pendulum-v1")
    policy.params[:, policy.net.mlp.layer_params] = 3.0  # a standard deviation of 20
    actions = policy.predict(observations(policy, 200))[0]
    assert (np.abs(actions) <= 2.0).all()
    assert (np.abs(actions) == 2.0).any()


def test_observations_of_another_type_are_taken_and_of_another_size_refused() -> None:
    policy = make_policy()
    obs = observations(policy, 3)
    expected = policy.predict(obs, deterministic=True)[0]
    assert np.array_equal(policy.predict(obs.astype(np.float64), deterministic=True)[0], expected)
    assert np.array_equal(policy.predict(obs.tolist(), deterministic=True)[0], expected)  # type: ignore[arg-type]
    assert np.array_equal(policy.predict(obs[::-1], deterministic=True)[0], expected[::-1])
    for wrong in (np.zeros(5), np.zeros((2, 3)), np.zeros((1, 2, 4)), np.float32(0)):
        with pytest.raises(ValueError, match="size 4"):
            policy.predict(wrong)


def test_the_statistics_travel_with_the_policy() -> None:
    policy = make_policy()
    obs = observations(policy, 50)
    shape = replace(policy.shape, normalize_obs=False)
    raw = Policy(shape, policy.params[0], policy.obs_mean, policy.obs_var)
    normalized = (obs - policy.obs_mean.numpy()) / np.sqrt(policy.obs_var.numpy() + 1e-8)
    expected = raw.predict(np.clip(normalized, -3.0, 3.0).astype(np.float32), deterministic=True)[0]
    assert np.array_equal(policy.predict(obs, deterministic=True)[0], expected)
    assert not np.array_equal(raw.predict(obs, deterministic=True)[0], expected)


@pytest.mark.filterwarnings("ignore:Evaluation environment is not wrapped")
@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1"])
def test_stable_baselines3_evaluates_a_loaded_policy_and_gets_our_returns(
    env_id: str, tmp_path: Path
) -> None:
    evaluation = pytest.importorskip("stable_baselines3.common.evaluation")
    path = tmp_path / "policy.safetensors"
    make_policy(env_id).save(path)
    policy = load_policy(path)
    env = gym.make(env_id)
    env.reset(seed=1)
    returns, lengths = evaluation.evaluate_policy(
        policy, env, n_eval_episodes=15, deterministic=True, return_episode_rewards=True
    )
    assert len(returns) == 15
    ours = evaluate_policy(policy, env_kwargs={}, episodes=40, seed=1, deterministic=True)
    assert ours.episodes == 40
    spread = 5 * (np.std(returns) / np.sqrt(15) + ours.std / np.sqrt(40))
    assert abs(np.mean(returns) - ours.mean) <= spread
    if env_id == "Pendulum-v1":
        assert set(lengths) == set(ours.lengths) == {200}


def test_an_evaluation_is_what_playing_the_episodes_one_by_one_gives() -> None:
    policy = make_policy("LunarLander-v3")
    stats = evaluate_policy(policy, env_kwargs={}, episodes=4, seed=8, deterministic=True)
    round_seed = episode_seed(8, Stream.USER_EVAL, 0, 0)
    env = gym.make("LunarLander-v3")
    for index in range(4):
        obs, _ = env.reset(seed=episode_seed(round_seed, Stream.USER_EVAL, index, 0))
        total, length, ended = 0.0, 0, False
        while not ended:
            action = int(policy.predict(obs, deterministic=True)[0])
            obs, reward, terminated, truncated, _ = env.step(action)
            total, length, ended = total + float(reward), length + 1, terminated or truncated
        assert stats.lengths[index] == length
        assert stats.returns[index] == pytest.approx(total, abs=1e-4)


@pytest.mark.parametrize("kind", [{"policy": "beta"}, {"squash": True}])
def test_an_evaluation_sends_what_predict_gives(kind: dict[str, Any]) -> None:
    policy = make_policy("Pendulum-v1", **kind)
    stats = evaluate_policy(policy, env_kwargs={}, episodes=1, seed=8, deterministic=True)
    env = gym.make("Pendulum-v1")
    round_seed = episode_seed(8, Stream.USER_EVAL, 0, 0)
    obs, _ = env.reset(seed=episode_seed(round_seed, Stream.USER_EVAL, 0, 0))
    total, ended = 0.0, False
    while not ended:
        obs, reward, _, ended, _ = env.step(policy.predict(obs, deterministic=True)[0])
        total += float(reward)
    assert stats.returns[0] == pytest.approx(total, rel=1e-5)


def test_a_policy_for_unbounded_actions_can_be_stored(tmp_path: Path) -> None:
    policy = make_policy("Pendulum-v1")
    action = replace(policy.shape.spec.action, low=(-np.inf,), high=(np.inf,))
    shape = replace(policy.shape, spec=replace(policy.shape.spec, action=action))
    unbounded = Policy(shape, policy.params[0], policy.obs_mean, policy.obs_var)
    unbounded.save(tmp_path / "policy.safetensors")
    assert load_policy(tmp_path / "policy.safetensors").shape == shape
