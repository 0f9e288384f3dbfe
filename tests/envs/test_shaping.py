"""Reward shaping: terms as documented, five modes, one formula behind the wrapper and its vectorised twin."""

from __future__ import annotations

import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from helpers.env_helpers import CLASSIC, play, random_actions

from ppo_cli.envs import user_code
from ppo_cli.envs.consent import agree_to_terms
from ppo_cli.envs.factory import env_spec, make_env
from ppo_cli.envs.member_envs import make_member_envs
from ppo_cli.envs.shaping import Mode, RewardShaping, ShapingParams, shape_rewards
from ppo_cli.envs.terms import TERMS, shipped_terms
from ppo_cli.errors import UsageError
from ppo_cli.rng import Stream, episode_seed

SHAPED = [env_id for env_id in CLASSIC if "Walker" not in env_id]


def terms_of(env_id: str, obs: list[float], action: object = None) -> dict[str, float]:
    spec = env_spec(env_id)
    terms = shipped_terms(env_id, spec.action.kind)
    observation = np.array([obs], dtype=np.float32)
    values = terms.state_terms(observation)[:, 0].tolist()
    if action is not None:
        values += terms.transition_terms(observation, np.array([action]), observation)[:, 0].tolist()
    return dict(zip(terms.names, values, strict=action is not None))


def test_lunar_lander_terms_are_those_of_the_manual() -> None:
    obs = [3.0, -4.0, 6.0, 8.0, -0.5, 9.0, 1.0, 1.0]
    for action, engines in ((0, (0, 0)), (1, (0, 1)), (2, (1, 0)), (3, (0, 1))):
        assert terms_of("LunarLander-v3", obs, action) == {
            "distance": -5.0,
            "velocity": -10.0,
            "angle": -0.5,
            "legs": 2.0,
            "main_engine": engines[0],
            "side_engine": engines[1],
        }
    for action, engines in (([0.01, 0.5], (1, 0)), ([-0.1, -0.51], (0, 1)), ([0.0, 0.6], (0, 1))):
        values = terms_of("LunarLanderContinuous-v3", obs, action)
        assert (values["main_engine"], values["side_engine"]) == engines


def test_the_engine_terms_agree_with_the_fuel_that_gymnasium_charges() -> None:
    """A step's reward is the gain of Gymnasium's own potential minus the fuel."""
    env = make_env("LunarLander-v3")
    for action in range(4):
        env.reset(seed=3)
        lander = env.unwrapped
        before = lander.prev_shaping
        _, reward, *_ = env.step(action)
        fuel = (lander.prev_shaping - before) - reward
        values = terms_of("LunarLander-v3", [0.0] * 8, action)
        assert fuel == pytest.approx(0.3 * values["main_engine"] + 0.03 * values["side_engine"])


def test_the_terms_of_the_other_environments() -> None:
    assert terms_of("CartPole-v1", [-1.5, 9, 0.25, 9]) == {"position": -1.5, "pole_angle": -0.25}
    assert terms_of("Pendulum-v1", [0.5, 0.75, -3.0], [-1.5]) == {"height": 0.5, "speed": 3.0, "effort": 1.5}
    hanging, up = [1.0, 0, 1.0, 0, 3.0, -4.0], [-1.0, 0, 1.0, 0, 0, 0]
    assert terms_of("Acrobot-v1", hanging, 1) == {"height": -2.0, "speed": 5.0, "effort": 0.0}
    assert terms_of("Acrobot-v1", up, 2) == {"height": 2.0, "speed": 0.0, "effort": 1.0}
    car = terms_of("MountainCar-v0", [np.pi / 6, -0.05], 0)
    assert car == pytest.approx({"height": 1.0, "speed": 0.05, "energy": 2.5, "effort": 1.0}, rel=1e-6)
    assert terms_of("MountainCarContinuous-v0", [0.0, 0.0], [-0.5])["effort"] == 0.5


def test_the_acrobots_height_is_what_ends_its_episode() -> None:
    env = make_env("Acrobot-v1", {"max_episode_steps": -1})
    rng = np.random.default_rng(0)
    for seed in range(20):
        obs, _ = env.reset(seed=seed)
        env.unwrapped.state = rng.uniform([-3, -3, -4, -4], [3, 3, 4, 4])
        obs, _, terminated, *_ = env.step(0)
        assert (terms_of("Acrobot-v1", obs.tolist())["height"] > 1) == terminated


def test_the_energy_of_a_coasting_mountain_car_hardly_changes() -> None:
    env = make_env("MountainCar-v0", {"max_episode_steps": -1})
    env.reset(seed=0)
    env.unwrapped.state = np.array([-0.9, 0.0])
    energies = [terms_of("MountainCar-v0", env.step(1)[0].tolist())["energy"] for _ in range(100)]
    heights = np.ptp([np.sin(3 * -0.9), np.sin(3 * -0.5)])
    assert np.ptp(energies) < 0.1 * heights


def test_every_term_has_a_weight_in_the_settings_and_the_reverse() -> None:
    from ppo_cli.config.sections import SHAPING_TERMS

    assert {name for terms in TERMS.values() for name in terms.names} == set(SHAPING_TERMS)


def test_the_five_modes_by_hand() -> None:
    one = np.ones(1)
    given = {
        "env_rewards": 10 * one,
        "terms": np.array([[2.0], [3.0]]),
        "weights": np.array([[5.0], [-1.0]]),
        "scale": 0.5 * one,
        "gamma": 0.9 * one,
        "potential": 4 * one,
        "next_potential": 6 * one,
    }
    goes_on, ends = np.array([False]), np.array([True])
    # The weighted sum is 5*2 - 1*3 = 7; the potential's gain is 0.9*6 - 4 = 1.4, at a termination 0.9*0 - 4.
    expected = {"off": 10, "log": 10, "add": 13.5, "replace": 3.5, "potential": 10.7}
    for mode, reward in expected.items():
        assert shape_rewards(mode, **given, terminated=goes_on)[0] == pytest.approx(reward)
    assert shape_rewards("potential", **given, terminated=ends)[0] == pytest.approx(10 - 2)
    assert shape_rewards("add", **given, terminated=ends)[0] == pytest.approx(13.5)


def weights(env_id: str, mode: Mode) -> dict[str, float]:
    terms = shipped_terms(env_id, env_spec(env_id).action.kind)
    names = terms.state_names if mode == "potential" else terms.names
    return {name: 0.3 * (k + 1) for k, name in enumerate(names)}


@pytest.mark.parametrize("mode", ["off", "log", "add", "replace", "potential"])
@pytest.mark.parametrize("env_id", SHAPED)
def test_the_wrapper_and_its_vectorised_twin_agree_to_the_bit(env_id: str, mode: Mode) -> None:
    params = ShapingParams(mode, scale=0.7, weights=weights(env_id, mode), gamma=0.95)
    kwargs = {"max_episode_steps": 25}
    envs = make_member_envs(env_id, kwargs, 8, [1, 2], [params, ShapingParams(mode)])
    envs.reset()
    actions = random_actions(envs, 60)
    steps, records = play(envs, actions), envs.pop_episodes()
    for n in (0, 7):
        single = RewardShaping(make_env(env_id, kwargs), params)
        single.reset(seed=episode_seed(1, Stream.EPISODE, n, 0))
        episode, over, history = 0, False, []
        for t in range(60):
            if over:
                episode, over = episode + 1, False
                single.reset(seed=episode_seed(1, Stream.EPISODE, n, episode))
                history = []
                continue
            action = actions[t, 0, n]
            if isinstance(single.action_space, gym.spaces.Box):
                action = np.clip(action, single.action_space.low, single.action_space.high)
            _, reward, terminated, truncated, info = single.step(action)
            assert np.float32(reward) == steps[t].rewards[0, n]
            assert info["reward_components"]["shaped"] == reward
            history.append(info["reward_components"])
            over = terminated or truncated
            if over:
                record = next(r for r in records if (r.member, r.env, r.index) == (0, n, episode))
                assert record.length == len(history)
                assert record.shaped_return == pytest.approx(sum(h["shaped"] for h in history), rel=1e-12)
                assert record.episode_return == pytest.approx(
                    sum(h["env_reward"] for h in history), rel=1e-12
                )
                means = {k: sum(h[k] for h in history) / len(history) for k in envs.term_names}
                assert record.components == pytest.approx(means, rel=1e-9, abs=1e-12)


def test_the_info_holds_every_term_and_both_rewards() -> None:
    env = RewardShaping(make_env("LunarLander-v3"), ShapingParams("add", weights={"distance": 2.0}))
    env.reset(seed=0)
    obs, reward, _, _, info = env.step(2)
    components = info["reward_components"]
    lander = ["distance", "velocity", "angle", "legs", "main_engine", "side_engine"]
    assert list(components) == [*lander, "env_reward", "shaped"]
    assert components["distance"] == -np.hypot(*obs[:2].astype(float))
    assert reward == components["shaped"] == components["env_reward"] + 2 * components["distance"]


def discounted(rewards: list[float], gamma: float) -> float:
    return sum(gamma**t * r for t, r in enumerate(rewards))


@pytest.mark.parametrize("limit", [5, 500])
def test_a_potential_changes_the_discounted_return_by_its_ends_only(limit: int) -> None:
    """The sum telescopes: γ^T Φ(s_T) − Φ(s_0), with Φ = 0 where the task ended but not where time ran out."""
    gamma, params = (
        0.9,
        ShapingParams("potential", scale=2.0, weights={"position": 3.0, "pole_angle": 1.0}, gamma=0.9),
    )
    env = RewardShaping(make_env("CartPole-v1", {"max_episode_steps": limit}), params)

    def phi(obs: np.ndarray) -> float:
        return -3.0 * abs(float(obs[0])) - abs(float(obs[2]))

    start, _ = env.reset(seed=4)
    shaped, own, over = [], [], False
    while not over:
        obs, reward, terminated, truncated, info = env.step(0)
        shaped.append(reward)
        own.append(info["reward_components"]["env_reward"])
        over = terminated or truncated
    last = 0.0 if terminated else phi(obs)
    assert terminated == (limit == 500)
    gain = discounted(shaped, gamma) - discounted(own, gamma)
    assert gain == pytest.approx(2.0 * (gamma ** len(own) * last - phi(start)), abs=1e-6)


def test_each_member_has_its_own_weights_and_scale() -> None:
    params = [
        ShapingParams("add", scale=s, weights={"position": w}) for s, w in ((1, 0), (1, 1), (2, 1), (1, 2))
    ]
    envs = make_member_envs("CartPole-v1", {}, 8, [3] * 4, params)
    envs.reset()
    actions = random_actions(envs, 15)[:, :1].repeat(4, axis=1)
    for step in play(envs, actions):
        extra = step.rewards - step.rewards[0]
        assert np.allclose(extra[2], 2 * extra[1], atol=1e-6)
        assert np.array_equal(step.rewards[2], step.rewards[3])
        assert not step.rewards[~step.mask].any()


def test_log_records_without_changing_and_off_records_nothing() -> None:
    actions, plays, records = None, {}, {}
    for mode in ("off", "log"):
        envs = make_member_envs("CartPole-v1", {}, 8, [3], [ShapingParams(mode, weights={"position": 9.0})])
        envs.reset()
        actions = random_actions(envs, 60)
        plays[mode] = [s.rewards for s in play(envs, actions)]
        records[mode] = envs.pop_episodes()
    assert np.array_equal(plays["off"], plays["log"])
    assert all(r.episode_return == r.shaped_return for mode in records for r in records[mode])
    assert all(r.components == {} for r in records["off"])
    assert all(set(r.components) == {"position", "pole_angle"} for r in records["log"])
    assert all(-2.5 < r.components["position"] < 0 for r in records["log"])


@pytest.mark.parametrize("env_id", ["MountainCar-v0", "Acrobot-v1"])
def test_terms_do_not_depend_on_how_many_environments_there_are(env_id: str) -> None:
    spec = env_spec(env_id)
    terms = shipped_terms(env_id, spec.action.kind)
    obs = np.random.default_rng(0).normal(size=(300, spec.obs_size)).astype(np.float32)
    whole = terms.state_terms(obs)
    for width in [*range(1, 40), 63, 64, 65, 129]:
        rows = np.random.default_rng(width).permutation(300)[:width]
        assert terms.state_terms(obs[rows]).tobytes() == np.ascontiguousarray(whole[:, rows]).tobytes()


@pytest.mark.parametrize(
    ("env_id", "params", "key", "says"),
    [
        ("CartPole-v1", ShapingParams("add", weights={"legs": 1.0}), "reward_shaping.legs", "pole_angle"),
        ("CartPole-v1", ShapingParams("off", weights={"legs": 1.0}), "reward_shaping.legs", "pole_angle"),
        (
            "LunarLander-v3",
            ShapingParams("potential", weights={"main_engine": 1.0}),
            "reward_shaping.main_engine",
            "legs",
        ),
        ("BipedalWalker-v3", ShapingParams("log"), "reward_shaping.mode", "module:function"),
        ("CartPole-v1", ShapingParams("shape"), "reward_shaping.mode", "potential"),  # type: ignore[arg-type]
    ],
)
def test_shaping_without_effect_is_refused(env_id: str, params: ShapingParams, key: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        make_member_envs(env_id, {}, 1, [0], [params])
    assert caught.value.key == key
    assert says in str(caught.value.hint)


def test_a_weight_of_zero_for_a_term_of_another_environment_is_no_error() -> None:
    make_member_envs("CartPole-v1", {}, 1, [0], [ShapingParams("add", weights={"legs": 0.0})])


USER_TERMS = """
import numpy as np

def near(obs):
    return {"near": -np.abs(obs[..., 0]), "slow": -np.abs(obs[..., 1])}

def gain(obs, action, next_obs):
    return {"gain": next_obs[..., 0] - obs[..., 0], "pushes": action == 1}

def two(obs, action):
    return {}

def nothing(obs):
    return {}

def number(obs):
    return 3.0

def whole(obs):
    return {"mean": obs.mean()}

def clash(obs):
    return {"position": obs[..., 0]}

def strange(obs):
    return {"a b": obs[..., 0]}

def fails(obs):
    return {"x": obs[..., 99]}

calls = 0

def later(obs):
    global calls
    calls += 1
    if calls > 3:
        raise RuntimeError("worn out")
    return {"x": obs[..., 0]}

def renames(obs):
    global calls
    calls += 1
    return {"y" if calls > 3 else "x": obs[..., 0]}

value = 3
"""


@pytest.fixture
def user_terms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "my_terms.py").write_text(USER_TERMS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(user_code, "_agreed", set())
    sys.modules.pop("my_terms", None)
    return "my_terms"


def test_terms_of_a_user_join_those_of_the_environment(user_terms: str) -> None:
    agree_to_terms("my_terms:gain", agreed=True)
    params = ShapingParams("add", weights={"pushes": 2.0, "gain": 1.0}, terms="my_terms:gain")
    envs = make_member_envs("CartPole-v1", {}, 8, [0], [params], compiled=True)
    assert not envs.can_play, "the user's functions know single steps"
    assert envs.term_names == ("position", "pole_angle", "gain", "pushes")
    before = envs.reset().copy()
    action = np.array([[0, 1] * 4])
    step = envs.step(action)
    expected = 1.0 + (step.obs[..., 0].astype(float) - before[..., 0]) + 2.0 * action
    assert np.allclose(step.rewards, expected, atol=1e-7)


def test_terms_of_a_user_give_an_environment_shaping_that_has_none(user_terms: str) -> None:
    agree_to_terms("my_terms:near", agreed=True)
    params = ShapingParams("potential", weights={"near": 1.0}, terms="my_terms:near")
    assert make_member_envs("BipedalWalker-v3", {}, 1, [0], [params]).term_names == ("near", "slow")


def test_terms_of_a_transition_cannot_be_a_potential(user_terms: str) -> None:
    agree_to_terms("my_terms:gain", agreed=True)
    params = ShapingParams("potential", weights={"gain": 1.0}, terms="my_terms:gain")
    with pytest.raises(UsageError, match="depends on the action"):
        make_member_envs("CartPole-v1", {}, 1, [0], [params])


def test_a_module_of_terms_is_not_imported_without_consent(user_terms: str) -> None:
    with pytest.raises(UsageError) as caught:
        make_member_envs("CartPole-v1", {}, 1, [0], [ShapingParams("log", terms="my_terms:near")])
    assert "--allow-import" in str(caught.value.hint)
    assert "my_terms" not in sys.modules


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("absent", "no function 'absent'"),
        ("value", "no function 'value'"),
        ("two", "takes 2 arguments"),
        ("nothing", "not a dict of terms"),
        ("number", "float, not a dict"),
        ("whole", "shape"),
        ("clash", "redefines the shipped term 'position'"),
        ("strange", "'a b'"),
        ("fails", "IndexError"),
    ],
)
def test_a_function_that_cannot_give_terms_is_refused_before_training(
    user_terms: str, function: str, says: str
) -> None:
    agree_to_terms(f"my_terms:{function}", agreed=True)
    with pytest.raises(UsageError, match=says) as caught:
        make_member_envs("CartPole-v1", {}, 1, [0], [ShapingParams("log", terms=f"my_terms:{function}")])
    assert caught.value.key == "reward_shaping.terms"


@pytest.mark.parametrize(
    ("function", "says"), [("later", "RuntimeError: worn out"), ("renames", "gives the terms y, and gave x")]
)
def test_a_function_that_fails_in_the_middle_of_training_is_the_users_fault(
    user_terms: str, function: str, says: str
) -> None:
    agree_to_terms(f"my_terms:{function}", agreed=True)
    envs = make_member_envs("CartPole-v1", {}, 1, [0], [ShapingParams("log", terms=f"my_terms:{function}")])
    envs.reset()
    actions = np.zeros((1, 1), dtype=np.int64)
    envs.step(actions)
    with pytest.raises(UsageError, match=says):
        envs.step(actions)
