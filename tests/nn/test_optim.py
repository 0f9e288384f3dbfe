"""The population's Adam and gradient clipping against torch's own, member by member."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ppo_cli.nn.optim import EPS, adam_step_, clip_grad_norm_, grad_norm

MEMBERS, SIZE = 4, 37
RATES = (1e-4, 1e-2, 3e-3, 0.5)
RATE_COLUMN = torch.tensor(RATES, dtype=torch.float64)[:, None]  # [M, 1]


def gradients(steps: int) -> Tensor:
    """Noisy gradients whose scale differs between members by orders of magnitude."""
    scale = torch.tensor([1e-6, 1e-2, 1.0, 1e3])[:, None]
    return torch.randn(steps, MEMBERS, SIZE, generator=torch.Generator().manual_seed(1)) * scale


def run_ours(grads: Tensor, rates: Tensor, params: Tensor) -> Tensor:
    params, exp_avg, exp_avg_sq = params.clone(), torch.zeros_like(params), torch.zeros_like(params)
    step = torch.zeros(len(params), dtype=torch.float64)
    for grad in grads:
        adam_step_(params, grad.clone(), exp_avg, exp_avg_sq, step, rates)
    assert step.tolist() == [float(len(grads))] * len(params)
    return params


def test_each_member_takes_the_steps_of_a_torch_adam_of_its_own() -> None:
    grads = gradients(200)
    start = torch.randn(MEMBERS, SIZE, generator=torch.Generator().manual_seed(2))
    ours = run_ours(grads, RATE_COLUMN, start)
    for m, rate in enumerate(RATES):
        theirs = torch.nn.Parameter(start[m].clone())
        adam = torch.optim.Adam([theirs], lr=rate, eps=EPS)
        for grad in grads:
            theirs.grad = grad[m].clone()
            adam.step()
        moved = (theirs - start[m]).abs().max().item()
        assert moved > 0
        torch.testing.assert_close(ours[m], theirs.detach(), rtol=1e-5, atol=1e-5 * moved)


def test_the_first_step_has_the_length_of_the_learning_rate() -> None:
    grads = torch.full((1, MEMBERS, SIZE), 100.0)
    moved = run_ours(grads, RATE_COLUMN, torch.zeros(MEMBERS, SIZE))
    torch.testing.assert_close(moved, -torch.tensor(RATES)[:, None].expand(-1, SIZE), rtol=1e-5, atol=0)


@pytest.mark.parametrize("size", [1, 2, 7, 16, 37, 9220])
def test_a_member_steps_the_same_bits_alone_and_with_others(size: int) -> None:
    rng = torch.Generator().manual_seed(3)
    grads, start = torch.randn(5, 3, size, generator=rng), torch.randn(3, size, generator=rng)
    rates = RATE_COLUMN[:3]
    together = run_ours(grads, rates, start)
    for m in range(3):
        own = slice(m, m + 1)
        assert torch.equal(run_ours(grads[:, own], rates[own], start[own])[0], together[m])


def test_the_parts_of_a_member_may_have_rates_of_their_own() -> None:
    """As actor and critic have: each steps as if it were trained alone at its rate."""
    grads, start = gradients(20)[..., :36], torch.ones(MEMBERS, 36)
    rates = torch.cat((RATE_COLUMN, 3 * RATE_COLUMN), dim=1)
    together = run_ours(grads, rates, start)
    for part, columns in enumerate((slice(0, 18), slice(18, 36))):
        alone = run_ours(grads[..., columns], rates[:, part : part + 1], start[:, columns])
        assert torch.equal(together[:, columns], alone)


def test_members_may_be_at_different_step_counts() -> None:
    grads, rates = gradients(6), RATE_COLUMN
    params = torch.zeros(MEMBERS, SIZE)
    moments = torch.zeros(2, MEMBERS, SIZE)
    step = torch.zeros(MEMBERS, dtype=torch.float64)
    for grad in grads[:3]:  # member 0 alone
        one = slice(0, 1)
        adam_step_(params[one], grad[one].clone(), moments[0][one], moments[1][one], step[one], rates[one])
    for grad in grads[3:]:
        adam_step_(params, grad.clone(), moments[0], moments[1], step, rates)
    assert step.tolist() == [6.0, 3.0, 3.0, 3.0]
    torch.testing.assert_close(params[0], run_ours(grads, rates, torch.zeros(MEMBERS, SIZE))[0])
    torch.testing.assert_close(params[1], run_ours(grads[3:], rates, torch.zeros(MEMBERS, SIZE))[1])


def test_gradients_are_clipped_as_torch_clips_them_each_member_to_its_own_norm() -> None:
    grads = gradients(1)[0]
    limits = torch.tensor([0.5, 1e9, 2.0, 0.1])
    norms = grad_norm(grads)
    clipped = clip_grad_norm_(grads.clone(), norms, limits)
    for m in range(MEMBERS):
        parameter = torch.nn.Parameter(torch.zeros(SIZE))
        parameter.grad = grads[m].clone()
        norm = torch.nn.utils.clip_grad_norm_([parameter], limits[m].item())
        torch.testing.assert_close(norms[m], norm)
        torch.testing.assert_close(clipped[m], parameter.grad)
        assert clipped[m].norm() <= limits[m] * 1.0001


def test_a_short_gradient_is_not_made_longer() -> None:
    grads = torch.tensor([[0.3, 0.4], [0.0, 0.0]])
    assert torch.equal(clip_grad_norm_(grads.clone(), grad_norm(grads), torch.tensor([0.6, 0.6])), grads)


def test_a_members_nan_gradient_stays_its_own() -> None:
    grads = torch.tensor([[float("nan"), 1.0], [3.0, 4.0]])
    clipped = clip_grad_norm_(grads.clone(), grad_norm(grads), torch.tensor([1.0, 1.0]))
    assert torch.isnan(clipped[0]).any()
    torch.testing.assert_close(clipped[1], torch.tensor([0.6, 0.8]))
