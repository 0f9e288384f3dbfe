"""Losses against hand-computed numbers, their gradients, and Stable-Baselines3's formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from ppo_cli.learn.losses import (
    approx_kl,
    clip_fraction,
    clipped_surrogate,
    clipped_surrogate_grad,
    k3,
    k3_grad,
    policy_gradient,
    policy_gradient_grad,
    surrogate,
    surrogate_grad,
    value_loss,
    value_loss_grad,
)
from ppo_cli.nn.masked import mask_weights, masked_mean

EPS = torch.tensor([0.2])


def row(*values: float) -> Tensor:
    return torch.tensor([values])


def even(size: int) -> Tensor:
    return mask_weights(torch.ones(1, size))


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "slope"),
    [
        (1.0, 2.0, -2.0, -2.0),
        (1.1, 2.0, -2.2, -2.0),  # inside the range: the plain surrogate
        (1.5, 2.0, -2.4, 0.0),  # a good action made likelier than 1 + eps: no more to gain
        (0.5, 2.0, -1.0, -2.0),  # a good action made unlikely: the way back is open
        (0.5, -2.0, 1.6, 0.0),  # a bad action made less likely than 1 - eps: no more to gain
        (1.5, -2.0, 3.0, 2.0),  # a bad action made likelier: the way back is open
    ],
)
def test_the_clipped_surrogate_and_its_gradient(
    ratio: float, advantage: float, loss: float, slope: float
) -> None:
    ratios = row(ratio).requires_grad_()
    result = clipped_surrogate(ratios, row(advantage), EPS, EPS, even(1))
    (gradient,) = torch.autograd.grad(result.sum(), ratios)
    assert result.item() == pytest.approx(loss, rel=1e-6)
    assert gradient.item() == pytest.approx(slope, rel=1e-6)


def test_the_surrogate_is_a_mean_over_real_transitions_within_each_member() -> None:
    ratio = torch.tensor([[1.0, 1.0, 50.0], [1.5, 1.5, 1.5]])
    advantages = torch.tensor([[1.0, 3.0, 1e6], [1.0, 1.0, 1.0]])
    weights = mask_weights(torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]]))
    eps = torch.tensor([0.2, 0.4])
    result = clipped_surrogate(ratio, advantages, eps, eps, weights)
    assert result.tolist() == pytest.approx([-2.0, -1.4])


def test_fillers_get_no_gradient() -> None:
    ratio = torch.ones(1, 3, requires_grad=True)
    weights = mask_weights(row(1.0, 0.0, 1.0))
    clipped_surrogate(ratio, row(1.0, 9.0, 1.0), EPS, EPS, weights).sum().backward()
    assert ratio.grad is not None
    assert ratio.grad.tolist() == [[-0.5, 0.0, -0.5]]


def test_the_value_loss_is_half_the_mean_squared_error() -> None:
    off = torch.tensor([math.inf])
    result = value_loss(row(1.0, 3.0), row(100.0, 100.0), row(2.0, 0.0), off, even(2))
    assert result.item() == (1 + 9) / 2 / 2


@pytest.mark.parametrize(
    ("new", "old", "target", "loss", "slope"),
    [
        (1.0, 1.0, 3.0, 2.0, -2.0),  # no move: plain
        (2.0, 1.0, 3.0, 0.5 * 1.5**2, 0.0),  # moved by more than 0.5 towards the target: stopped at 1.5
        (0.0, 1.0, 3.0, 0.5 * 9, -3.0),  # moved away: the larger, unclipped error counts
        (4.0, 1.0, 3.0, 0.5 * 1.5**2, 0.0),  # overshot: the clipped error (1.5) is larger than 1
    ],
)
def test_the_clipped_value_loss_is_the_larger_of_two_errors(
    new: float, old: float, target: float, loss: float, slope: float
) -> None:
    values = row(new).requires_grad_()
    result = value_loss(values, row(old), row(target), torch.tensor([0.5]), even(1))
    (gradient,) = torch.autograd.grad(result.sum(), values)
    assert result.item() == pytest.approx(loss)
    assert gradient.item() == pytest.approx(slope)


def test_value_clipping_of_one_member_leaves_another_unclipped() -> None:
    new, old, target = (torch.tensor([[x], [x]]) for x in (2.0, 1.0, 3.0))
    result = value_loss(new, old, target, torch.tensor([0.5, math.inf]), torch.ones(2, 1))
    assert result.tolist() == pytest.approx([0.5 * 1.5**2, 0.5])


def test_the_kl_estimate_is_never_negative_and_exact_in_a_known_case() -> None:
    log_ratio = row(math.log(2.0), math.log(0.5))
    result = approx_kl(log_ratio, log_ratio.exp(), even(2))
    assert result.item() == pytest.approx(((1 - math.log(2)) + (-0.5 + math.log(2))) / 2)
    random = torch.randn(1, 1000, generator=torch.Generator().manual_seed(0))
    assert (random.exp() - 1 - random >= 0).all()


def test_the_kl_estimate_of_samples_tends_to_the_true_divergence() -> None:
    rng = np.random.default_rng(0)
    old, new = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.4, 0.2])
    actions = rng.choice(3, 200_000, p=old)
    log_ratio = torch.from_numpy(np.log(new / old)[actions])[None]
    true = float((old * np.log(old / new)).sum())
    estimate = approx_kl(log_ratio, log_ratio.exp(), even(200_000).double())
    assert estimate.item() == pytest.approx(true, rel=0.02)


def test_the_clip_fraction_counts_what_left_the_range_on_either_side() -> None:
    ratio = row(0.79, 0.81, 1.0, 1.19, 1.21, 9.0)
    weights = mask_weights(row(1.0, 1.0, 1.0, 1.0, 1.0, 0.0))
    assert clip_fraction(ratio, EPS, EPS, weights).item() == pytest.approx(0.4)


def test_a_wider_range_upwards_lets_good_actions_grow_further_and_changes_nothing_below() -> None:
    """DAPO's clip-higher: eps_low 0.2, eps_high 0.28."""
    ratio, high = row(1.25, 1.25, 0.75, 0.75), torch.tensor([0.28])
    for advantage, narrow, wide in ((1.0, 1.2, 1.25), (-1.0, -1.25, -1.25)):
        loss = [
            clipped_surrogate(ratio[:, :1], row(advantage), EPS, one, even(1)).item() for one in (EPS, high)
        ]
        assert loss == pytest.approx([-narrow, -wide])
        below = [clipped_surrogate(ratio[:, 2:3], row(advantage), EPS, one, even(1)) for one in (EPS, high)]
        assert torch.equal(below[0], below[1])
    assert clip_fraction(ratio, EPS, high, even(4)).item() == 0.5


def test_k3_in_hand_computed_cases() -> None:
    """With pi_ref = 0.2 and pi = 0.1, d = log 2: k3 = 2 - log 2 - 1; and the other way round."""
    found = k3(row(math.log(2), math.log(0.5), 0.0))
    assert found[0].tolist() == pytest.approx([1 - math.log(2), math.log(2) - 0.5, 0.0])
    assert k3_grad(row(math.log(2), math.log(0.5), 0.0))[0].tolist() == pytest.approx([-1.0, 0.5, 0.0])


def test_the_policy_gradient_is_the_mean_of_log_prob_times_advantage() -> None:
    assert (
        policy_gradient(row(-1.0, -2.0, 9.0), row(3.0, 1.0, 9.0), mask_weights(row(1.0, 1.0, 0.0))).item()
        == 2.5
    )


def test_the_losses_agree_with_the_formulas_of_stable_baselines3() -> None:
    """The lines of its ``PPO.train``; its value loss lacks the half, so vf_coef 0.5 there is 1 here."""
    rng = torch.Generator().manual_seed(7)
    log_ratio, advantages, new, old, returns = torch.randn(5, 64, generator=rng)
    log_ratio, ratio = 0.3 * log_ratio, torch.exp(0.3 * log_ratio)
    policy_loss_1 = advantages * ratio
    policy_loss_2 = advantages * torch.clamp(ratio, 1 - 0.2, 1 + 0.2)
    theirs = -torch.min(policy_loss_1, policy_loss_2).mean()
    ours = clipped_surrogate(ratio[None], advantages[None], EPS, EPS, even(64))
    torch.testing.assert_close(ours[0], theirs)
    mse = torch.nn.functional.mse_loss(returns, new)
    ours = value_loss(new[None], old[None], returns[None], torch.tensor([math.inf]), even(64))
    torch.testing.assert_close(2 * ours[0], mse)
    theirs = torch.mean((torch.exp(log_ratio) - 1) - log_ratio)
    torch.testing.assert_close(approx_kl(log_ratio[None], ratio[None], even(64))[0], theirs)
    theirs = torch.mean((torch.abs(ratio - 1) > 0.2).float())
    torch.testing.assert_close(clip_fraction(ratio[None], EPS, EPS, even(64))[0], theirs)


@pytest.mark.parametrize("seed", range(5))
def test_the_derivatives_of_the_losses_are_those_of_automatic_differentiation(seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    advantages, old, new, returns, log_ratio = torch.randn(5, 3, 40, generator=rng).unbind(0)
    weights = mask_weights((torch.rand(3, 40, generator=rng) < 0.8).float())
    low, high = torch.tensor([0.1, 0.2, 0.4]), torch.tensor([0.1, 0.28, 0.3])
    log_ratio = (0.4 * log_ratio).requires_grad_()
    ratio = log_ratio.detach().exp()
    for loss, ours in (
        (
            clipped_surrogate(log_ratio.exp(), advantages, low, high, weights),
            clipped_surrogate_grad(ratio, advantages, low, high, weights),
        ),
        (surrogate(log_ratio.exp(), advantages, weights), surrogate_grad(ratio, advantages, weights)),
        (policy_gradient(log_ratio, advantages, weights), policy_gradient_grad(advantages, weights)),
        (masked_mean(k3(old - log_ratio), weights), k3_grad(old - log_ratio.detach()) * weights),
    ):
        (expected,) = torch.autograd.grad(loss.sum(), log_ratio)
        torch.testing.assert_close(ours, expected)
        assert 0 < (ours == 0).float().mean() < 0.8
    new.requires_grad_()
    for eps_vf in (None, torch.tensor([0.3, math.inf, 1.0])):
        (expected,) = torch.autograd.grad(value_loss(new, old, returns, eps_vf, weights).sum(), new)
        torch.testing.assert_close(value_loss_grad(new.detach(), old, returns, eps_vf, weights), expected)
