"""The exported Python file: alone in a fresh interpreter it does what the policy does."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.cli_runner import environment
from helpers.export_policies import EVERY_KIND, KIND_IDS, OBS_SIZE, ORIGIN, make_policy, observations
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as array_of

from ppo_cli.export.arrays import arrays_of
from ppo_cli.export.numpy_file import numpy_file
from ppo_cli.export.origin import Origin
from ppo_cli.play.policy import Policy
from ppo_cli.spaces import ActionSpec

HOSTILE = [
    'a"b',
    "a'b",
    "both \"of\" 'them'",
    '"""\nimport os; os.abort()\n"""',
    "line\nimport os",
    "back\\slash\\",
    "\\N{DASH} ${about} $about %s {x}",
    "\u2028\u202e\x00\x1b[2J\ud800",
    "é ± 漢 😀",
]


def loaded(policy: Policy, origin: Origin = ORIGIN) -> dict[str, Any]:
    """The names that the file defines."""
    names: dict[str, Any] = {"__name__": "policy"}
    exec(compile(numpy_file(arrays_of(policy), origin), "policy.py", "exec"), names)
    return names


def assert_equal_actions(actions: Any, expected: Any) -> None:
    if np.issubdtype(np.asarray(expected).dtype, np.integer):
        assert np.array_equal(actions, expected)
    else:
        np.testing.assert_allclose(actions, expected, rtol=0, atol=1e-5)
    assert np.asarray(actions).dtype == np.asarray(expected).dtype
    assert np.shape(actions) == np.shape(expected)


@pytest.mark.parametrize(("kind", "activation", "normalize_obs"), EVERY_KIND, ids=KIND_IDS)
def test_predict_agrees_with_the_policy(kind: str, activation: str, normalize_obs: bool) -> None:
    policy = make_policy(kind, activation, normalize_obs)
    predict, obs = loaded(policy)["predict"], observations(policy, 2_000)
    assert_equal_actions(predict(obs), policy.predict(obs, deterministic=True)[0])
    for observation in obs[:20]:
        assert_equal_actions(predict(observation), policy.predict(observation, deterministic=True)[0])
        assert_equal_actions(
            predict(observation.astype(float).tolist()), policy.predict(observation, deterministic=True)[0]
        )


SHARED = make_policy("box", "tanh", True)
SHARED_PREDICT = loaded(SHARED)["predict"]


@settings(max_examples=50)
@given(
    obs=array_of(
        np.float32, st.tuples(st.integers(1, 4), st.just(OBS_SIZE)), elements=st.floats(-1e3, 1e3, width=32)
    )
)
def test_predict_agrees_for_observations_of_any_size(obs: np.ndarray) -> None:
    assert_equal_actions(SHARED_PREDICT(obs), SHARED.predict(obs, deterministic=True)[0])


def test_sampled_choices_come_as_often_as_the_policy_says() -> None:
    policy = make_policy("discrete")
    obs = np.repeat(observations(policy, 1), 20_000, axis=0)
    actual = loaded(policy)["predict"](obs, deterministic=False, rng=np.random.default_rng(1))
    expected = policy.predict(obs)[0]
    shares = [np.bincount(actions, minlength=3) / len(obs) for actions in (actual, expected)]
    np.testing.assert_allclose(shares[0], shares[1], atol=0.02)
    assert (shares[0] > 0).sum() > 1


@pytest.mark.parametrize("kind", ["squashed", "beta"])
def test_samples_of_policies_inside_the_bounds_spread_as_the_policy_says(kind: str) -> None:
    policy = make_policy(kind)
    obs = np.repeat(observations(policy, 1), 20_000, axis=0)
    actual = loaded(policy)["predict"](obs, deterministic=False, rng=np.random.default_rng(1))
    expected = policy.predict(obs)[0]
    assert actual.dtype == expected.dtype == np.float32
    low, high = arrays_of(policy).bounds
    assert ((actual >= low) & (actual <= high)).all() and ((expected >= low) & (expected <= high)).all()
    np.testing.assert_allclose(actual.mean(0), expected.mean(0), atol=0.03)
    np.testing.assert_allclose(actual.std(0), expected.std(0), atol=0.02)
    assert (actual.std(0) > 0.05).sum() >= 2


def test_sampled_vectors_spread_as_the_policy_says_and_stay_inside_the_bounds() -> None:
    wide = ActionSpec("box", 2, (-100.0, -0.1), (100.0, 0.1))
    policy = make_policy(action=wide)
    obs = np.repeat(observations(policy, 1), 20_000, axis=0)
    actual = loaded(policy)["predict"](obs, deterministic=False)
    expected = policy.predict(obs)[0]
    np.testing.assert_allclose(actual.mean(0), expected.mean(0), atol=0.05)
    np.testing.assert_allclose(actual.std(0), expected.std(0), atol=0.05)
    assert np.abs(actual[:, 1]).max() == np.float32(0.1)


@pytest.mark.parametrize(
    ("module", "imported", "run"),
    [
        ("policy", "policy", "policy.py"),
        ("CartPole-v1", "policy", "CartPole-v1.py"),
        ('"""; import os', "policy", "policy.py"),
    ],
)
def test_the_file_names_itself_as_far_as_its_name_is_plain(module: str, imported: str, run: str) -> None:
    text = numpy_file(arrays_of(make_policy()), ORIGIN, module)
    assert f"    import {imported}\n" in text
    assert f"    python {run} --episodes 5" in text


def test_observations_of_another_size_are_refused() -> None:
    predict = loaded(make_policy())["predict"]
    for wrong in (np.zeros(4), np.zeros((2, 6)), np.zeros((1, 2, OBS_SIZE)), 0.0):
        with pytest.raises(ValueError, match="size 5"):
            predict(wrong)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_any_kind_stay_inside_their_quotes(name: str) -> None:
    origin = replace(
        ORIGIN, run=name, env_id=name, env_kwargs={"map_name": name, "nothing": None, "on": True}
    )
    names = loaded(make_policy(), origin)
    assert names["ABOUT"]["run"] == names["ENV_ID"] == name
    assert names["ENV_KWARGS"] == origin.env_kwargs
    assert numpy_file(arrays_of(make_policy()), origin).isascii()


@pytest.mark.parametrize(("kind", "activation", "normalize_obs"), EVERY_KIND, ids=KIND_IDS)
def test_the_file_is_formatted_and_has_no_lint(
    kind: str, activation: str, normalize_obs: bool, tmp_path: Path
) -> None:
    path = tmp_path / "policy.py"
    path.write_text(numpy_file(arrays_of(make_policy(kind, activation, normalize_obs)), ORIGIN))
    lint = ["check", "--select", "E,W,F,I,N,UP,C4,SIM,D", "--config", 'lint.pydocstyle.convention = "google"']
    for command in (lint, ["format", "--diff"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache", str(path)]
        result = subprocess.run(ruff, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr


ALONE = """
import sys

class Refused:
    def find_spec(self, name, *rest):
        if name.split(".")[0] not in {"numpy", "policy"} | sys.stdlib_module_names:
            raise ImportError(f"{name} is not for this file")

sys.meta_path.insert(0, Refused())
sys.path.insert(0, sys.argv[1])
import numpy as np
import policy

obs = np.load(sys.argv[1] + "/obs.npy")
np.save(sys.argv[1] + "/actions.npy", policy.predict(obs))
assert not {"torch", "gymnasium", "ppo_cli"} & set(sys.modules)
"""


@pytest.mark.parametrize("kind", ["discrete", "box"])
def test_the_file_needs_numpy_and_nothing_else(kind: str, tmp_path: Path) -> None:
    policy = make_policy(kind)
    obs = observations(policy, 100)
    np.save(tmp_path / "obs.npy", obs)
    (tmp_path / "policy.py").write_text(numpy_file(arrays_of(policy), ORIGIN))
    command = [sys.executable, "-c", ALONE, str(tmp_path)]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert_equal_actions(np.load(tmp_path / "actions.npy"), policy.predict(obs, deterministic=True)[0])


ENVS = '''
import gymnasium as gym
import numpy as np


class Corridor(gym.Env):
    """Choices count from 5, and the place is a number of a Discrete space: both need a translation."""

    observation_space = gym.spaces.Discrete(5)
    action_space = gym.spaces.Discrete(3, start=5)

    def __init__(self, render_mode=None, length=3):
        self.length = length

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return 0, {}

    def step(self, action):
        assert self.action_space.contains(action), action
        self.steps += 1
        return self.steps, 1.0, self.steps == self.length, False, {}


class Plane(Corridor):
    action_space = gym.spaces.Box(-1.0, 2.0, (3, 1), np.float64)


gym.register("Corridor-v0", Corridor)
gym.register("Plane-v0", Plane)
'''


@pytest.mark.parametrize(("env_id", "kind"), [("Corridor-v0", "discrete"), ("Plane-v0", "box")])
def test_the_file_plays_its_environment(env_id: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / "corridors.py").write_text(ENVS)
    origin = replace(ORIGIN, env_id=f"corridors:{env_id}", env_kwargs={"length": 4})
    (tmp_path / "policy.py").write_text(numpy_file(arrays_of(make_policy(kind)), origin))
    command = [sys.executable, "policy.py", "--episodes", "2"]
    result = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == ["episode 1: return 4.0", "episode 2: return 4.0", "mean: 4.0"]


def test_without_gymnasium_the_file_says_what_playing_needs(tmp_path: Path) -> None:
    (tmp_path / "policy.py").write_text(numpy_file(arrays_of(make_policy()), ORIGIN))
    (tmp_path / "gymnasium.py").write_text("raise ImportError('not here')\n")
    command = [sys.executable, "policy.py"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr == "playing needs Gymnasium: pip install gymnasium\n"
