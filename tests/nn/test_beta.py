"""The Beta distribution against torch's and SciPy's, at its edges, and to the last bit."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from helpers import probe_envs as probes
from helpers.env_helpers import register
from helpers.training_helpers import make_config
from scipy import stats

from ppo_cli.config.resolve import with_values
from ppo_cli.errors import UsageError
from ppo_cli.nn.beta import NOISE, TRIES, Beta
from ppo_cli.nn.bounds import Bounds
from ppo_cli.nn.distributions import Distribution, make_distribution
from ppo_cli.nn.gaussian import DiagonalGaussian
from ppo_cli.nn.policy_output import PolicyOutput
from ppo_cli.prepare import footprint
from ppo_cli.prepare.launch import prepare_new
from ppo_cli.spaces import ActionSpec

PLAIN = ActionSpec("box", 2, (-1.0, 0.5), (1.0, 3.0))
BETA = Beta(Bounds.of(PLAIN))
SQUASHED = DiagonalGaussian(Bounds.of(PLAIN))


def shapes_of(location: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    both = 1 + torch.nn.functional.softplus(location)
    return both[..., 0::2], both[..., 1::2]


def theirs(location: torch.Tensor) -> torch.distributions.Beta:
    return torch.distributions.Beta(*shapes_of(location))


def outputs(*shape: int, scale: float = 3.0) -> torch.Tensor:
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_log_probability_entropy_and_mode_are_torchs() -> None:
    location = outputs(3, 50, 8)
    actions = theirs(location).sample().clamp(0.01, 0.99)
    log_prob, entropy = BETA.log_prob_and_entropy(PolicyOutput(location, None), actions)
    close = {"rtol": 1e-4, "atol": 1e-4}
    torch.testing.assert_close(log_prob, theirs(location).log_prob(actions).sum(-1), **close)
    torch.testing.assert_close(entropy, theirs(location).entropy().sum(-1), **close)
    assert torch.equal(log_prob, BETA.log_prob(PolicyOutput(location, None), actions))
    mode = BETA.mode(PolicyOutput(location, None))
    torch.testing.assert_close(mode, theirs(location).mode, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("x", "y"), [(-50.0, -50.0), (0.0, 0.0), (2.0, -1.0), (-4.0, 30.0), (200.0, 90.0)])
def test_samples_have_the_distribution_that_scipy_knows(x: float, y: float) -> None:
    count = 20_000
    location = torch.tensor([x, y]).expand(1, count, 2)
    noise = BETA.noise(np.random.default_rng(3), (1, count, 1))
    samples = BETA.sample(PolicyOutput(location, None), torch.from_numpy(noise))
    alpha, beta = (float(shape[0, 0, 0]) for shape in shapes_of(location))
    assert stats.kstest(samples.flatten().numpy(), stats.beta(alpha, beta).cdf).pvalue > 0.01


def test_the_last_try_always_succeeds_and_is_hardly_ever_needed() -> None:
    noise = BETA.noise(np.random.default_rng(4), (1, 100_000, 1))
    hard = torch.full((1, 100_000, 2), -50.0)
    policy, tries = PolicyOutput(hard, None), noise.reshape(1, 100_000, 1, 2, 2, TRIES)
    tries[..., :-1] = 0.0  # a normal of 0 is accepted unless the uniform number is 1, whose logarithm is 0
    samples = BETA.sample(policy, torch.from_numpy(noise))
    assert torch.isfinite(samples).all() and (samples == samples[0, 0]).all()
    fresh = BETA.noise(np.random.default_rng(5), (1, 100_000, 1))
    samples = BETA.sample(policy, torch.from_numpy(fresh))
    assert (samples != 0.5).all(), "where both gammas take their last try, the sample is in the middle"


@pytest.mark.parametrize("x", [-1e4, -50.0, 0.0, 50.0, 1e4])
@pytest.mark.parametrize("y", [-1e4, -50.0, 0.0, 50.0, 1e4])
def test_extreme_outputs_keep_everything_finite_and_inside(x: float, y: float) -> None:
    policy = PolicyOutput(torch.tensor([x, y, y, x]).expand(1, 500, 4), None)
    noise = BETA.noise(np.random.default_rng(6), (1, 500, 2))
    actions = BETA.sample(policy, torch.from_numpy(noise))
    assert ((actions > 0) & (actions < 1)).all()
    low, high = torch.tensor(PLAIN.low), torch.tensor(PLAIN.high)
    for sent in (BETA.send(actions), BETA.send(BETA.mode(policy))):
        assert ((sent >= low) & (sent <= high)).all()
    ones = torch.ones(1, 500)
    found = [*BETA.log_prob_and_entropy(policy, actions), BETA.mode(policy), BETA.kl(policy, policy)]
    found += [BETA.backward(policy, actions, ones, ones)[0], BETA.kl_backward(policy, policy, ones)[0]]
    assert all(torch.isfinite(values).all() for values in found)


def test_the_estimate_of_memory_knows_how_much_noise_there_is() -> None:
    assert footprint.BETA_NOISE == NOISE == BETA.noise(np.random.default_rng(0), (1, 1, 1)).size


def test_bounds_are_reached_and_never_passed() -> None:
    action = ActionSpec("box", 3, (-0.1, 0.3, -7.7), (0.7, 0.9, 1e-3))
    bounds = Bounds.of(action)
    ends = bounds.scale(torch.tensor([[0.0] * 3, [1.0] * 3]))
    torch.testing.assert_close(ends, torch.tensor([action.low, action.high]), rtol=0, atol=1e-6)
    u = torch.linspace(-30, 30, 1001)[:, None].expand(-1, 3)
    sent = DiagonalGaussian(bounds).send(u)
    assert ((sent >= bounds.low) & (sent <= bounds.high)).all() and (sent.diff(dim=0) >= 0).all()
    torch.testing.assert_close(sent[500], (bounds.low + bounds.high) / 2)


def test_a_squashed_gaussian_keeps_the_sample_and_bends_what_is_sent() -> None:
    policy = PolicyOutput(outputs(2, 9, 2), torch.zeros(2, 1, 2))
    u = torch.randn(2, 9, 2)
    plain = DiagonalGaussian()
    assert torch.equal(SQUASHED.log_prob(policy, u), plain.log_prob(policy, u))
    assert torch.equal(SQUASHED.mode(policy), plain.mode(policy))
    assert torch.equal(plain.send(u), u)
    low, high = torch.tensor(PLAIN.low), torch.tensor(PLAIN.high)
    torch.testing.assert_close(SQUASHED.send(u), low + (high - low) * (u.tanh() + 1) / 2)


@pytest.mark.parametrize(
    ("policy", "squash", "named"), [("beta", False, "policy=beta"), ("gaussian", True, "squash=true")]
)
@pytest.mark.parametrize("bounds", [(-np.inf, 1.0), (-3e38, 3e38)])
def test_bounds_that_are_not_finite_are_refused(policy: str, squash: bool, named: str, bounds) -> None:
    action = ActionSpec("box", 2, (-1.0, bounds[0]), (1.0, bounds[1]))
    with pytest.raises(UsageError, match=f"{named} needs actions with finite bounds, and action 1") as caught:
        make_distribution(action, policy, squash)
    assert "policy=gaussian" in str(caught.value.hint)
    assert isinstance(make_distribution(action), DiagonalGaussian)


class Unbounded(probes.ContinuousTarget):
    action_space = gym.spaces.Box(-np.inf, np.inf, (2,), np.float32)


@pytest.mark.parametrize("setting", ["policy=beta", "squash=true"])
def test_a_run_whose_actions_have_no_bounds_is_refused_before_it_has_a_folder(
    setting: str, tmp_path: Path
) -> None:
    name, _, value = setting.partition("=")
    config = make_config(register("Unbounded-v0", Unbounded))
    refused = with_values(config, {name: value if name == "policy" else True})
    with pytest.raises(UsageError, match=f"{setting} needs actions with finite bounds"):
        prepare_new([refused], runs_dir=tmp_path, name=None, env_requested="", command="")
    assert not list(tmp_path.iterdir())
    assert prepare_new([config], runs_dir=tmp_path, name=None, env_requested="", command="")


EXACT = {
    "exp": torch.exp,
    "log": torch.log,
    "log1p": torch.log1p,
    "tanh": torch.tanh,
    "sqrt": torch.sqrt,
    "reciprocal": torch.reciprocal,
    "lgamma": torch.lgamma,
    "digamma": torch.digamma,
    "trigamma": lambda values: torch.polygamma(1, values),
    "softplus": lambda values: _excess(values),
}


def _excess(values: torch.Tensor) -> torch.Tensor:
    pairs = torch.stack([values - 30, values - 30], -1)
    return BETA.mode(PolicyOutput(pairs[None], None))[0, :, 0] if values.ndim == 1 else pairs


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("threads", [1, 2])
def test_what_beta_is_made_of_rounds_alike_at_every_place(name: str, threads: int) -> None:
    values = 60 * torch.rand(40_000, generator=torch.Generator().manual_seed(1)) + 1e-3
    torch.set_num_threads(threads)
    expected = EXACT[name](values)
    for start in (0, 1, 5, 8):
        for count in (1, 2, 3, 7, 8, 9, 16, 17, 31, 65):
            part = slice(start, start + count)
            assert torch.equal(EXACT[name](values[part]), expected[part])
            assert torch.equal(EXACT[name](values[part].clone()), expected[part])


# ---------------------------------------------------------------------- derivatives, KL, independence

KINDS = ["categorical", "gaussian", "squashed", "beta"]
MEMBERS, BATCH, ACTIONS = 3, 20, 2


def made(kind: str) -> Distribution:
    if kind == "categorical":
        return make_distribution(ActionSpec("discrete", ACTIONS))
    return make_distribution(PLAIN, "beta" if kind == "beta" else "gaussian", kind == "squashed")


def says(kind: str, seed: int, batch: int = BATCH) -> PolicyOutput:
    rng = torch.Generator().manual_seed(seed)
    location = torch.randn(MEMBERS, batch, ACTIONS * (2 if kind == "beta" else 1), generator=rng)
    has_std = kind in ("gaussian", "squashed")
    log_std = 0.5 * torch.randn(MEMBERS, 1, ACTIONS, generator=rng) if has_std else None
    return PolicyOutput(location, log_std)


def leaves(policy: PolicyOutput) -> list[torch.Tensor]:
    values = [policy.head] if policy.log_std is None else [policy.head, policy.log_std]
    return [value.requires_grad_() for value in values]


def of_torch(kind: str, policy: PolicyOutput) -> torch.distributions.Distribution:
    if kind == "categorical":
        return torch.distributions.Categorical(logits=policy.head)
    if kind == "beta":
        own: torch.distributions.Distribution = theirs(policy.head)
    else:
        assert policy.log_std is not None
        std = policy.log_std.exp().expand_as(policy.head)
        own = torch.distributions.Normal(policy.head, std)
    return torch.distributions.Independent(own, 1)


def assert_gradients(
    ours: tuple[torch.Tensor, torch.Tensor | None], total: torch.Tensor, policy: PolicyOutput
) -> None:
    expected = torch.autograd.grad(total, leaves(policy))
    assert (ours[1] is None) == (len(expected) == 1)
    for mine, automatic in zip(ours, expected, strict=False):
        torch.testing.assert_close(mine, automatic.view_as(mine), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_of_log_probability_and_entropy_are_the_automatic_ones_of_torch(kind: str) -> None:
    policy, distribution = says(kind, 1), made(kind)
    noise = np.stack([distribution.noise(np.random.default_rng(0), (1, BATCH, ACTIONS))[0]] * MEMBERS)
    actions = distribution.sample(policy, torch.from_numpy(noise))
    grad_log_prob, grad_entropy = outputs(2, MEMBERS, BATCH).unbind(0)
    ours = distribution.backward(policy, actions, grad_log_prob, grad_entropy)
    leaves(policy)
    torchs = of_torch(kind, policy)
    total = torchs.log_prob(actions) * grad_log_prob + torchs.entropy() * grad_entropy
    assert_gradients(ours, total.sum(), policy)


@pytest.mark.parametrize("kind", KINDS)
def test_the_divergence_and_its_derivatives_are_those_of_torch(kind: str) -> None:
    old, new, distribution = says(kind, 1), says(kind, 2), made(kind)
    by_kl = outputs(MEMBERS, BATCH)
    found, ours = distribution.kl(old, new), distribution.kl_backward(old, new, by_kl)
    leaves(new)
    expected = torch.distributions.kl_divergence(of_torch(kind, old), of_torch(kind, new))
    torch.testing.assert_close(found, expected.detach(), rtol=1e-3, atol=1e-4)
    assert_gradients(ours, (expected * by_kl).sum(), new)
    assert distribution.kl(old, old).abs().max() < 1e-6


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch", [1, 5, 16, 33])
def test_a_member_alone_has_the_bits_that_it_has_among_others(kind: str, batch: int) -> None:
    old, new, distribution = says(kind, 1, batch), says(kind, 2, batch), made(kind)
    rngs = [np.random.default_rng(m) for m in range(MEMBERS)]
    noise = torch.from_numpy(np.stack([distribution.noise(rng, (1, batch, ACTIONS))[0] for rng in rngs]))
    weights = outputs(2, MEMBERS, batch)

    def everything(rows: slice) -> list[torch.Tensor]:
        before, after = (
            PolicyOutput(one.head[rows].clone(), None if one.log_std is None else one.log_std[rows].clone())
            for one in (old, new)
        )
        actions = distribution.sample(before, noise[rows].clone())
        grad_log_prob, grad_entropy = weights[:, rows].clone().unbind(0)
        results = [
            actions,
            distribution.send(actions),
            distribution.mode(after),
            distribution.kl(before, after),
        ]
        results += distribution.log_prob_and_entropy(after, actions)
        gradients = (
            *distribution.backward(after, actions, grad_log_prob, grad_entropy),
            *distribution.kl_backward(before, after, grad_log_prob),
        )
        return results + [gradient for gradient in gradients if gradient is not None]

    together = everything(slice(None))
    for m in range(MEMBERS):
        for shared, alone in zip(together, everything(slice(m, m + 1)), strict=True):
            assert torch.equal(shared[m], alone[0])
