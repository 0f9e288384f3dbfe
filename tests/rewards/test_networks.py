"""Networks of rewards: their gradients are those of their formulas, and rewards telescope to scores."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ppo_cli.config.preference_settings import FitSettings
from ppo_cli.errors import CorruptFileError
from ppo_cli.rewards.inputs import Inputs, Transitions
from ppo_cli.rewards.mlp import MlpReward
from ppo_cli.rewards.model import RewardModel, RewardShape
from ppo_cli.rewards.network import Clips, RewardNetwork, preference_loss
from ppo_cli.rewards.sequences import sequences_of_clips
from ppo_cli.rewards.transformer import TransformerReward
from ppo_cli.spaces import ActionSpec, EnvSpec

SPEC = EnvSpec("Made-v0", 3, ActionSpec("discrete", 4))
LENGTH = 6
NETWORKS = {
    "mlp": lambda: MlpReward(SPEC, (8,), "tanh", potential=False),
    "potential": lambda: MlpReward(SPEC, (8, 8), "tanh", potential=True),
    "transformer": lambda: TransformerReward(SPEC, 8, 2, LENGTH),
}
BOTH = pytest.mark.parametrize("kind", NETWORKS)


def rngs(count: int) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in range(count)]


def clips(members: int, count: int = 5) -> Clips:
    torch.manual_seed(1)
    lengths = torch.randint(1, LENGTH + 1, (members, count))
    mask = torch.arange(LENGTH) < lengths[..., None]
    return Clips(torch.randn(members, count, LENGTH, 11), torch.randn(members, count, 2, 3), mask)


@pytest.mark.parametrize("kind", ["mlp", "potential"])  # the transformer's is automatic differentiation's
def test_the_gradient_of_scores_is_that_of_finite_differences(kind: str) -> None:
    network: RewardNetwork = NETWORKS[kind]()
    params, seen = network.init(rngs(2)) * 1.5, clips(2)
    scores = network.scores(params, seen).clone()
    weights = torch.randn_like(scores)
    grads = network.backward(params, weights.clone()).clone()
    for place in np.random.default_rng(3).choice(network.num_params, 25, replace=False).tolist():
        step = torch.zeros_like(params)
        step[:, place] = 2e-3
        up, down = (network.scores(params + sign * step, seen).clone() for sign in (1, -1))
        numeric = ((up - down) * weights).flatten(1).double().sum(1) / 4e-3
        torch.testing.assert_close(grads[:, place].double(), numeric, rtol=3e-2, atol=5e-3)


@BOTH
def test_a_member_has_the_bits_that_it_has_alone(kind: str) -> None:
    network, alone = NETWORKS[kind](), NETWORKS[kind]()
    params, seen = network.init(rngs(3)), clips(3)
    scores = network.scores(params, seen).clone()
    grads = network.backward(params, torch.ones_like(scores)).clone()
    for row in range(3):
        one = Clips(*(values[row : row + 1].clone() for values in vars(seen).values()))
        own = alone.scores(params[row : row + 1].clone(), one).clone()
        assert torch.equal(own[0], scores[row])
        assert torch.equal(alone.backward(params[row : row + 1].clone(), torch.ones_like(own))[0], grads[row])


def model(kind: str) -> RewardModel:
    settings = FitSettings(
        network="transformer" if kind == "transformer" else "mlp", potential=kind == "potential",
        hidden_sizes=(8,), width=8, members=2,
    )  # fmt: skip
    shape = RewardShape(SPEC, settings, LENGTH, "own")
    inputs = Inputs(torch.zeros(3), torch.ones(3), torch.ones(3))
    return RewardModel(shape, shape.network().init(rngs(2)), inputs, torch.ones(2))


def walk(length: int, count: int = 4) -> Transitions:
    torch.manual_seed(2)
    obs = torch.randn(count, length + 1, 3)
    actions = torch.randint(0, 4, (count, length))
    return Transitions(obs[:, :-1], actions, obs[:, 1:], torch.zeros(count, length, dtype=torch.bool))


@BOTH
def test_rewards_of_a_clip_sum_to_its_score(kind: str) -> None:
    one, seen = model(kind), walk(LENGTH)
    rewards = one.rewards(*sequences_of_clips(seen, one.context)).view(2, 4, LENGTH)
    steps = one.inputs.step(seen, SPEC.action, one.shape.settings.loudness).expand(2, -1, -1, -1)
    ends = one.inputs.state(torch.stack((seen.obs[:, 0], seen.next_obs[:, -1]), 1)).expand(2, -1, -1, -1)
    scores = one.network.scores(one.params, Clips(steps, ends, torch.ones(2, 4, LENGTH, dtype=torch.bool)))
    torch.testing.assert_close(rewards.sum(-1), scores[..., -1], rtol=1e-4, atol=1e-5)


@BOTH
def test_a_model_comes_back_from_its_file_and_a_changed_byte_is_seen(kind: str, tmp_path) -> None:
    one, path = model(kind), tmp_path / "reward.safetensors"
    one.save(path)
    again = RewardModel.load(path)
    assert again.shape == one.shape and torch.equal(again.params, one.params)
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptFileError):
        RewardModel.load(path)


def test_the_loss_by_hand() -> None:
    """-log sigmoid(1) for a pair whose better clip scores 1 more; one half of both where they are equal."""
    scores = torch.tensor([2.0, 1.0]).view(1, 1, 2, 1)
    ones = torch.ones(1, 1)

    def loss(preference: float, **how: float) -> float:
        own = {"noise_floor": 0.0, "margin": 0.0, "centring": 0.0, **how}
        return float(
            preference_loss(scores, torch.full((1, 1), preference), ones[..., None], ones, **own, length=2)
        )

    assert loss(1.0) == pytest.approx(0.3132617)
    assert loss(0.0) == pytest.approx(1.3132617)
    assert loss(0.5) == pytest.approx((0.3132617 + 1.3132617) / 2)
    assert loss(1.0, margin=1.0) == pytest.approx(0.6931472)
    assert loss(0.5, margin=1.0) == loss(0.5)
    assert loss(1.0, centring=0.1) == pytest.approx(0.3132617 + 0.1 * 1.5**2)
    assert loss(0.0, noise_floor=1e-9) == pytest.approx(1.3132617, abs=1e-4)
    assert loss(0.0, noise_floor=0.1) < 1.3132617  # a blind answer costs less
