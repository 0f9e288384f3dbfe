"""Distributions against torch's, and samples against the probabilities they should have."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ppo_cli.nn.categorical import Categorical
from ppo_cli.nn.distributions import make_distribution
from ppo_cli.nn.gaussian import DiagonalGaussian
from ppo_cli.nn.policy_output import PolicyOutput
from ppo_cli.spaces import ActionSpec

MEMBERS, BATCH, ACTIONS = 3, 50, 4


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_the_kind_of_action_decides() -> None:
    assert isinstance(make_distribution(ActionSpec("discrete", 2)), Categorical)
    assert isinstance(make_distribution(ActionSpec("box", 1, (-1.0,), (1.0,))), DiagonalGaussian)


def test_the_categorical_agrees_with_torch(rng: torch.Generator) -> None:
    logits = 3 * torch.randn(MEMBERS, BATCH, ACTIONS, generator=rng)
    actions = torch.randint(0, ACTIONS, (MEMBERS, BATCH), generator=rng)
    theirs = torch.distributions.Categorical(logits=logits)
    log_prob, entropy = Categorical().log_prob_and_entropy(PolicyOutput(logits, None), actions)
    torch.testing.assert_close(log_prob, theirs.log_prob(actions))
    torch.testing.assert_close(entropy, theirs.entropy())
    assert torch.equal(log_prob, Categorical().log_prob(PolicyOutput(logits, None), actions))


def test_the_gaussian_agrees_with_torch(rng: torch.Generator) -> None:
    mean, actions = torch.randn(2, MEMBERS, BATCH, ACTIONS, generator=rng)
    log_std = torch.randn(MEMBERS, 1, ACTIONS, generator=rng)
    theirs = torch.distributions.Normal(mean, log_std.exp().expand_as(mean))
    log_prob, entropy = DiagonalGaussian().log_prob_and_entropy(PolicyOutput(mean, log_std), actions)
    torch.testing.assert_close(log_prob, theirs.log_prob(actions).sum(-1))
    torch.testing.assert_close(entropy, theirs.entropy().sum(-1))
    assert torch.equal(log_prob, DiagonalGaussian().log_prob(PolicyOutput(mean, log_std), actions))


def test_one_choice_has_no_entropy_and_a_uniform_one_the_most() -> None:
    log_prob, entropy = Categorical().log_prob_and_entropy(
        PolicyOutput(torch.tensor([[[0.0, 0.0], [200.0, 0.0]]]), None), torch.tensor([[0, 1]])
    )
    assert entropy[0].tolist() == pytest.approx([math.log(2), 0.0])
    assert log_prob[0].tolist() == pytest.approx([-math.log(2), -200.0])


def test_gumbel_samples_come_as_often_as_their_probabilities_say() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1, 1e-30], [0.25, 0.25, 0.25, 0.25]])
    count = 200_000
    logits = torch.from_numpy(np.log(probabilities).astype(np.float32))[:, None].expand(-1, count, -1)
    noise = Categorical().noise(np.random.default_rng(1), (2, count, 4))
    assert noise.dtype == np.float32
    samples = Categorical().sample(PolicyOutput(logits, None), torch.from_numpy(noise))
    assert samples.dtype == torch.int64
    for row, expected in zip(samples, probabilities, strict=True):
        seen = np.bincount(row.numpy(), minlength=4) / count
        assert np.abs(seen - expected).max() < 5 * 0.5 / math.sqrt(count)


def test_gaussian_samples_have_the_mean_and_deviation_of_the_policy() -> None:
    count = 200_000
    mean = torch.tensor([[[1.0, -2.0]]]).expand(1, count, 2)
    log_std = torch.tensor([[[0.0, -1.0]]])
    noise = DiagonalGaussian().noise(np.random.default_rng(2), (1, count, 2))
    assert noise.dtype == np.float32
    samples = DiagonalGaussian().sample(PolicyOutput(mean, log_std), torch.from_numpy(noise))[0]
    torch.testing.assert_close(samples.mean(0), torch.tensor([1.0, -2.0]), atol=0.02, rtol=0)
    torch.testing.assert_close(samples.std(0), log_std.exp()[0, 0], rtol=0.02, atol=0)
    assert abs(float(torch.corrcoef(samples.T)[0, 1])) < 0.02


def test_the_mode_is_the_likeliest_action(rng: torch.Generator) -> None:
    logits = torch.randn(MEMBERS, BATCH, ACTIONS, generator=rng)
    policy = PolicyOutput(logits, None)
    best = torch.stack(
        [Categorical().log_prob(policy, torch.full((MEMBERS, BATCH), a)) for a in range(ACTIONS)]
    )
    assert torch.equal(Categorical().mode(policy), best.argmax(0))
    assert torch.equal(DiagonalGaussian().mode(PolicyOutput(logits, torch.zeros(MEMBERS, ACTIONS))), logits)


class _DrawsZeros:
    """A generator whose exponential draws are what float32 draws can be, however rarely: exactly zero."""

    def standard_exponential(self, shape: tuple[int, ...], dtype: type) -> np.ndarray:
        return np.zeros(shape, dtype)


def test_the_noise_of_a_choice_is_never_infinite_even_for_a_draw_of_zero() -> None:
    noise = Categorical().noise(_DrawsZeros(), (1, 2, 3))  # type: ignore[arg-type]
    assert np.isfinite(noise).all()


@pytest.mark.parametrize("distribution", [Categorical(), DiagonalGaussian()])
def test_noise_is_finite_and_a_function_of_the_generator(
    distribution: Categorical | DiagonalGaussian,
) -> None:
    first, again, other = (distribution.noise(np.random.default_rng(s), (1000, 20, 5)) for s in (1, 1, 2))
    assert first.shape == (1000, 20, 5)
    assert np.isfinite(first).all()
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_gradients_are_those_of_torch(rng: torch.Generator) -> None:
    mean = torch.randn(1, BATCH, 2, generator=rng).requires_grad_()
    log_std = torch.randn(1, 1, 2, generator=rng).requires_grad_()
    actions = torch.randn(1, BATCH, 2, generator=rng)
    log_prob, entropy = DiagonalGaussian().log_prob_and_entropy(PolicyOutput(mean, log_std), actions)
    ours = torch.autograd.grad(log_prob.sum() + entropy.mean(), (mean, log_std))
    normal = torch.distributions.Normal(mean, log_std.exp().expand_as(mean))
    total = normal.log_prob(actions).sum() + normal.entropy().sum(-1).mean()
    theirs = torch.autograd.grad(total, (mean, log_std))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_samples_and_log_probs_do_not_depend_on_the_other_members(size: int, rng: torch.Generator) -> None:
    for distribution, log_std in (
        (Categorical(), None),
        (DiagonalGaussian(), torch.randn(5, 1, size, generator=rng)),
    ):
        location = torch.randn(5, 7, size, generator=rng)
        noise = torch.from_numpy(distribution.noise(np.random.default_rng(0), (5, 7, size)))
        actions = distribution.sample(PolicyOutput(location, log_std), noise)
        log_probs, entropies = distribution.log_prob_and_entropy(PolicyOutput(location, log_std), actions)
        for m in range(5):
            own = slice(m, m + 1)
            alone = PolicyOutput(location[own].clone(), None if log_std is None else log_std[own].clone())
            action = distribution.sample(alone, noise[own].clone())
            log_prob, entropy = distribution.log_prob_and_entropy(alone, action)
            assert torch.equal(action[0], actions[m])
            assert torch.equal(log_prob[0], log_probs[m])
            assert torch.equal(entropy[0], entropies[m])


@pytest.mark.parametrize("kind", ["discrete", "box"])
def test_the_derivatives_are_those_of_automatic_differentiation(kind: str) -> None:
    rng = torch.Generator().manual_seed(3)
    location = torch.randn(2, 30, 3, generator=rng).requires_grad_()
    if kind == "discrete":
        distribution, log_std = Categorical(), None
        actions = torch.randint(3, (2, 30), generator=rng)
    else:
        distribution, log_std = DiagonalGaussian(), torch.randn(2, 1, 3, generator=rng).requires_grad_()
        actions = torch.randn(2, 30, 3, generator=rng)
    policy = PolicyOutput(location, log_std)
    grad_log_prob, grad_entropy = torch.randn(2, 2, 30, generator=rng).unbind(0)
    log_prob, entropy = distribution.log_prob_and_entropy(policy, actions)
    leaves = [location] if log_std is None else [location, log_std]
    expected = torch.autograd.grad((log_prob * grad_log_prob + entropy * grad_entropy).sum(), leaves)
    with torch.no_grad():
        ours = distribution.backward(policy, actions, grad_log_prob, grad_entropy)
    for mine, theirs in zip(ours, expected, strict=False):
        torch.testing.assert_close(mine, theirs.view_as(mine))
    assert (ours[1] is None) == (kind == "discrete")
