"""An exported ONNX model does what the policy does, in another runtime and from raw observations."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.export_policies import (
    EVERY_KIND,
    KIND_IDS,
    NUM_ACTIONS,
    OBS_SIZE,
    ORIGIN,
    logits_and_values,
    make_policy,
)
from helpers.export_policies import observations as made_up
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as array_of

from ppo_cli.export.arrays import PolicyArrays, arrays_of
from ppo_cli.export.onnx_graph import onnx_file
from ppo_cli.play.policy import Policy
from ppo_cli.spaces import ActionSpec

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")


def session(arrays: PolicyArrays):
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    return runtime.InferenceSession(onnx_file(arrays, ORIGIN), options, providers=["CPUExecutionProvider"])


def run(policy: Policy, obs: np.ndarray) -> dict[str, np.ndarray]:
    model = session(arrays_of(policy))
    names = [output.name for output in model.get_outputs()]
    return dict(zip(names, model.run(names, {"observations": obs}), strict=True))


@pytest.mark.parametrize(("kind", "activation", "normalize_obs"), EVERY_KIND, ids=KIND_IDS)
def test_every_output_agrees_with_the_policy(kind: str, activation: str, normalize_obs: bool) -> None:
    policy = make_policy(kind, activation, normalize_obs)
    obs = made_up(policy, 2_000)
    outcome, (location, values) = run(policy, obs), logits_and_values(policy, obs)
    actions, _ = policy.predict(obs, deterministic=True)
    assert outcome["action"].dtype == actions.dtype and outcome["action"].shape == actions.shape
    close = {"rtol": 1e-5, "atol": 1e-5}
    if kind == "discrete":
        assert np.array_equal(outcome["action"], actions)
        assert len(np.unique(actions)) == NUM_ACTIONS
        np.testing.assert_allclose(outcome["logits"], location, **close)
    else:
        np.testing.assert_allclose(outcome["action"], actions, rtol=0, atol=1e-5)
    if kind in ("box", "squashed"):
        np.testing.assert_allclose(outcome["log_std"], arrays_of(policy).log_std)
        np.testing.assert_allclose(outcome["mean"], location, **close)
    if kind == "box":
        inside = outcome["mean"] == outcome["action"]
        assert inside.any() and not inside.all(), "some are at the bounds, some are not"
    if kind == "beta":
        for name, outputs in (("alpha", location[:, 0::2]), ("beta", location[:, 1::2])):
            np.testing.assert_allclose(outcome[name], 1 + np.logaddexp(0, outputs), **close)
    np.testing.assert_allclose(outcome["value"], values, **close)


@settings(max_examples=50)
@given(
    obs=array_of(
        np.float32,
        st.tuples(st.integers(1, 4), st.just(OBS_SIZE)),
        elements=st.floats(-1e3, 1e3, width=32),
    )
)
def test_actions_agree_for_observations_of_any_size(obs: np.ndarray) -> None:
    model, policy = SHARED
    (action,) = model.run(["action"], {"observations": obs})
    np.testing.assert_allclose(action, policy.predict(obs, deterministic=True)[0], rtol=0, atol=1e-5)


SHARED_POLICY = make_policy("box", "tanh", True)
SHARED = (session(arrays_of(SHARED_POLICY)), SHARED_POLICY)


@pytest.mark.parametrize(("kind", "activation", "normalize_obs"), EVERY_KIND, ids=KIND_IDS)
def test_the_model_passes_the_checker_and_old_runtimes_can_read_it(
    kind: str, activation: str, normalize_obs: bool
) -> None:
    model = onnx.load_from_string(onnx_file(arrays_of(make_policy(kind, activation, normalize_obs)), ORIGIN))
    onnx.checker.check_model(model, full_check=True)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 13)]
    assert model.ir_version == 7


def test_exporting_twice_gives_equal_bytes() -> None:
    assert onnx_file(arrays_of(make_policy("box")), ORIGIN) == onnx_file(
        arrays_of(make_policy("box")), ORIGIN
    )


def test_the_model_says_where_it_comes_from() -> None:
    model = onnx.load_from_string(onnx_file(arrays_of(make_policy()), ORIGIN))
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert about["env_id"] == "Maze-v0" and about["run"] == "Maze-v0-ppo-clip-s1"
    assert about["return"] == "12.50 +/- 1.25 over 100 episodes, 95 % interval 12.2 to 12.8"
    assert model.producer_version == about["ppo_version"]
    assert "counts from 0" in model.doc_string


def test_a_policy_without_a_critic_has_no_value() -> None:
    arrays = arrays_of(make_policy(critic=False))
    assert [output.name for output in session(arrays).get_outputs()] == ["action", "logits"]


def test_actions_without_bounds_are_left_as_they_are() -> None:
    action = ActionSpec("box", 2, (-np.inf, -1.0), (np.inf, np.inf))
    policy = make_policy(action=action)
    obs = made_up(policy, 200)
    outcome = run(policy, obs)
    np.testing.assert_allclose(outcome["action"], policy.predict(obs, deterministic=True)[0], atol=1e-5)
    assert np.array_equal(outcome["action"][:, 0], outcome["mean"][:, 0])
    assert (outcome["action"][:, 1] >= -1.0).all() and (outcome["mean"][:, 1] < -1.0).any()


def test_one_action_and_one_layer_are_enough() -> None:
    policy = make_policy(hidden_sizes=(1,), action=ActionSpec("box", 1, (-2.0,), (2.0,)))
    obs = made_up(policy, 50)
    np.testing.assert_allclose(
        run(policy, obs)["action"], policy.predict(obs, deterministic=True)[0], atol=1e-5
    )
