"""T19. A policy to safetensors, NumPy, ONNX and Stable-Baselines3: the same answers there."""

from __future__ import annotations

import functools
import random
from pathlib import Path

import numpy as np
import safetensors.numpy
from export import test_numpy_file, test_onnx_graph, test_sb3_zip
from helpers.export_policies import EVERY_KIND, logits_and_values, make_policy, observations

from ppo_cli.export.arrays import arrays_of
from ppo_cli.play.policy import Policy
from torture.unit import Landed, Work, checked, seed_by_seed

PER_UNIT, NUM_UNITS, OBSERVATIONS = 10, 10, 500
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def any_policy(rng: random.Random) -> tuple[str, Policy]:
    """A policy of any kind and size, and its kind."""
    kind, activation, normalize_obs = rng.choice(EVERY_KIND)
    sizes = tuple(rng.choice((1, 3, 8, 17, 64)) for _ in range(rng.randrange(1, 4)))
    clip = test_sb3_zip.UNCLIPPED if rng.random() < 0.5 else 3.0
    return kind, make_policy(kind, activation, normalize_obs, hidden_sizes=sizes, clip_obs=clip)


def same_actions(actions: np.ndarray, policy: Policy, obs: np.ndarray) -> None:
    """Actions are the policy's; where two logits are as good as equal, either will do."""
    expected, _ = policy.predict(obs, deterministic=True)
    if np.issubdtype(expected.dtype, np.integer):
        logits, _ = logits_and_values(policy, obs)
        best = np.sort(logits, axis=1)
        clear = best[:, -1] - best[:, -2] > 1e-4
        assert np.array_equal(np.asarray(actions)[clear], expected[clear])
        return
    np.testing.assert_allclose(actions, expected, rtol=0, atol=1e-4)


def there_and_back(rng: random.Random, folder: Path) -> None:
    """One policy, in all formats."""
    kind, policy = any_policy(rng)
    obs, path = observations(policy, OBSERVATIONS), folder / "policy.safetensors"
    location, values = logits_and_values(policy, obs)
    policy.save(path)
    again = Policy.load(path)
    assert all(
        np.array_equal(a, b) for a, b in zip(logits_and_values(again, obs), (location, values), strict=True)
    )
    tensors = safetensors.numpy.load_file(path)
    for name, value in policy.net.named_parameters(policy.params[0]).items():
        assert np.array_equal(tensors[name], value.numpy()), name
    same_actions(test_numpy_file.loaded(policy)["predict"](obs), policy, obs)
    outcome = test_onnx_graph.run(policy, obs)
    same_actions(outcome["action"], policy, obs)
    np.testing.assert_allclose(outcome["value"], values, **CLOSE)
    if kind in ("discrete", "box") and policy.shape.clip_obs == test_sb3_zip.UNCLIPPED:
        model = test_sb3_zip.loaded(arrays_of(policy))
        same_actions(model.predict(obs, deterministic=True)[0], policy, obs)


def run(case: str, seed: int, folder: Path) -> Landed:
    """Several policies."""
    landed = Landed()
    for number in range(PER_UNIT):
        rng = random.Random(f"{case} {seed} {number}")
        what = f"{case} {seed}, number {number}"
        checked(landed, what, functools.partial(there_and_back, rng, folder))
    return landed


ROUND_TRIPS = Work(seed_by_seed(["policy"], NUM_UNITS), run)
