"""Advantage estimates against hand-computed numbers, a naive loop, and Stable-Baselines3."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ppo_cli.learn.advantages import (
    episode_lengths,
    episode_starts,
    gae,
    group_relative,
    hold,
    normalize,
    rewards_to_go,
)
from ppo_cli.nn.masked import mask_weights, masked_mean


def one_env(
    rewards: list[float],
    values: list[float],
    terminated: tuple[int, ...] = (),
    truncated: tuple[int, ...] = (),
    gamma: float = 0.5,
    gae_lambda: float = 0.5,
) -> list[float]:
    """GAE of one environment of one member; ``terminated`` and ``truncated`` are steps that end episodes."""
    steps = range(len(rewards))
    flags = [torch.tensor([[[t in ends] for t in steps]]) for ends in (terminated, truncated)]  # [1, T, 1]
    result = gae(
        torch.tensor(rewards, dtype=torch.float32)[None, :, None],
        torch.tensor(values, dtype=torch.float32)[None, :, None],
        *flags,
        torch.tensor([gamma]),
        torch.tensor([gae_lambda]),
    )
    return result[0, :, 0].tolist()


def test_an_unfinished_episode_bootstraps_from_the_last_value() -> None:
    # deltas: 1 + 0.5*4 - 2 = 1, 1 + 0.5*6 - 4 = 0, 1 + 0.5*8 - 6 = -1; the trace decays by 0.25
    assert one_env([1, 1, 1], [2, 4, 6, 8]) == [1 + 0.25 * (0 + 0.25 * -1), -0.25, -1.0]


def test_a_terminated_state_has_no_future() -> None:
    # The last delta is 1 - 6, whatever the value of what follows.
    for after in (8.0, 1e6):
        assert one_env([1, 1, 1], [2, 4, 6, after], terminated=(2,)) == [1 + 0.25 * -1.25, -1.25, -5.0]


def test_a_truncated_state_keeps_its_value_but_its_trace_ends() -> None:
    # Step 1 is truncated: its delta has the value of its last observation (6); nothing of step 2 reaches it.
    result = one_env([1, 1, 100], [2, 4, 6, 8], truncated=(1,))
    assert result[:2] == [1.0 + 0.25 * 0.0, 0.0]
    assert result[2] == 100 + 0.5 * 8 - 6


def test_termination_and_truncation_differ_by_the_discounted_value() -> None:
    cut = one_env([1.0], [2, 6], truncated=(0,))
    ended = one_env([1.0], [2, 6], terminated=(0,))
    assert cut[0] - ended[0] == 0.5 * 6


@pytest.mark.parametrize("kind", ["terminated", "truncated"])
def test_nothing_of_the_filler_and_the_next_episode_reaches_the_one_before(kind: str) -> None:
    # t = 1 ends the episode, t = 2 is filler (reward 0), t = 3 belongs to the next episode.
    before = one_env([1, 2, 0, 7], [1, 2, 3, 4, 5], **{kind: (1,)})
    after = one_env([1, 2, 1e4, -1e4], [1, 2, 3, 1e4, -1e4], **{kind: (1,)})
    assert before[:2] == after[:2]


def test_lambda_zero_is_the_one_step_error_and_lambda_one_the_return() -> None:
    rewards, values = [1.0, 2.0, 4.0], [3.0, 5.0, 7.0, 9.0]
    assert one_env(rewards, values, gae_lambda=0.0) == [1 + 2.5 - 3, 2 + 3.5 - 5, 4 + 4.5 - 7]
    returns = [1 + 0.5 * (2 + 0.5 * (4 + 0.5 * 9)), 2 + 0.5 * (4 + 0.5 * 9), 4 + 0.5 * 9]
    assert one_env(rewards, values, gae_lambda=1.0) == [r - v for r, v in zip(returns, values, strict=False)]


def naive(rewards, values, terminated, truncated, gamma, gae_lambda):
    """Each advantage as an explicit sum of discounted errors up to the end of its episode, in float64."""
    members, steps, envs = rewards.shape
    result = np.zeros(rewards.shape)
    for m in range(members):
        for n in range(envs):
            for t in range(steps):
                weight = 1.0
                for k in range(t, steps):
                    future = 0.0 if terminated[m, k, n] else gamma[m] * values[m, k + 1, n]
                    result[m, t, n] += weight * (rewards[m, k, n] + future - values[m, k, n])
                    if terminated[m, k, n] or truncated[m, k, n]:
                        break
                    weight *= gamma[m] * gae_lambda[m]
    return result


def random_rollout(seed: int, members: int = 3, steps: int = 9, envs: int = 2) -> list[Tensor]:
    rng = np.random.default_rng(seed)
    ends = rng.random((members, steps, envs))
    return [
        torch.from_numpy(values)
        for values in (
            rng.normal(size=(members, steps, envs)).astype(np.float32),
            rng.normal(size=(members, steps + 1, envs)).astype(np.float32),
            ends < 0.15,
            (ends > 0.7) & (ends < 0.85),
            rng.uniform(0, 1, members).astype(np.float32),
            rng.uniform(0, 1, members).astype(np.float32),
        )
    ]


@settings(max_examples=50)
@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(1, 12), st.integers(1, 3))
def test_it_equals_the_explicit_sum_over_the_rest_of_the_episode(
    seed: int, members: int, steps: int, envs: int
) -> None:
    rollout = random_rollout(seed, members, steps, envs)
    np.testing.assert_allclose(gae(*rollout), naive(*(x.numpy() for x in rollout)), rtol=1e-4, atol=1e-5)


def test_each_member_has_its_own_discount_and_trace() -> None:
    rollout = random_rollout(5)
    together = gae(*rollout)
    for m in range(3):
        alone = gae(*(x[m : m + 1] for x in rollout))
        assert torch.equal(alone[0], together[m])


def test_it_agrees_with_stable_baselines3s_rollout_buffer() -> None:
    """Without truncations: SB3 has no filler, and treats a truncation by changing the reward."""
    buffers = pytest.importorskip("stable_baselines3.common.buffers")
    from gymnasium import spaces

    rng = np.random.default_rng(3)
    steps, envs, gamma, lam = 64, 5, 0.97, 0.9
    buffer = buffers.RolloutBuffer(
        steps, spaces.Box(-1, 1, (1,)), spaces.Discrete(2), gae_lambda=lam, gamma=gamma, n_envs=envs
    )
    rewards, values = rng.normal(size=(2, steps + 1, envs)).astype(np.float32)
    terminated = rng.random((steps, envs)) < 0.1
    zeros = np.zeros((envs, 1), np.float32)
    start = np.ones(envs, dtype=bool)
    for t in range(steps):
        tensors = torch.from_numpy(values[t]), torch.zeros(envs)
        buffer.add(zeros, zeros, rewards[t], start, *tensors)
        start = terminated[t]
    buffer.compute_returns_and_advantage(torch.from_numpy(values[steps]), start)
    ours = gae(
        torch.from_numpy(rewards[None, :steps]),
        torch.from_numpy(values[None]),
        torch.from_numpy(terminated[None]),
        torch.zeros(1, steps, envs, dtype=torch.bool),
        torch.tensor([gamma]),
        torch.tensor([lam]),
    )
    np.testing.assert_allclose(ours[0], buffer.advantages, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours[0] + values[:steps], buffer.returns, rtol=1e-4, atol=1e-5)


def test_a_truncation_equals_stable_baselines3s_bootstrapped_reward() -> None:
    """r + gamma V(last) at a terminated step is what SB3 learns from when an episode hits its time limit."""
    rewards, values, _, truncated, gamma, lam = random_rollout(11)
    bootstrapped = rewards + truncated * gamma[:, None, None] * values[:, 1:]
    none = torch.zeros_like(truncated)
    expected = gae(bootstrapped, values, truncated, none, gamma, lam)
    torch.testing.assert_close(gae(rewards, values, none, truncated, gamma, lam), expected)


def test_normalised_advantages_have_mean_zero_and_deviation_one_over_real_transitions() -> None:
    advantages = torch.tensor([[1.0, 2.0, 3.0, 1e6], [5.0, -5.0, 0.0, 0.0]])
    mask = torch.tensor([[1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    result = normalize(advantages, mask_weights(mask))
    assert result[0, :3].tolist() == pytest.approx([-(1.5**0.5), 0.0, 1.5**0.5], rel=1e-6)
    assert result[1].mean().item() == pytest.approx(0.0, abs=1e-6)
    assert result[1].std(correction=0).item() == pytest.approx(1.0, rel=1e-6)


def test_equal_advantages_become_zero_not_nan() -> None:
    result = normalize(torch.full((1, 4), 3.0), mask_weights(torch.ones(1, 4)))
    assert result.abs().max() < 1e-3


def test_a_masked_mean_leaves_fillers_out_and_survives_having_nothing_else() -> None:
    values = torch.tensor([[1.0, 3.0, 1e9], [7.0, 7.0, 7.0]])
    weights = mask_weights(torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]))
    assert masked_mean(values, weights).tolist() == [2.0, 0.0]


# ---------------------------------------------------------------------- whole episodes


def column(*values: float) -> Tensor:  # [1, T, 1]
    return torch.tensor(values, dtype=torch.float32)[None, :, None]


def flag(*values: int) -> Tensor:  # [1, T, 1] bool
    return torch.tensor(values)[None, :, None] > 0


def to_go(
    rewards: Tensor, values: Tensor, terminated: Tensor, truncated: Tensor, gamma: float
) -> list[float]:
    found = rewards_to_go(rewards, values, terminated, truncated, torch.tensor([gamma]))
    return found[0, :, 0].tolist()


def test_rewards_to_go_are_what_the_episode_still_pays() -> None:
    # Two episodes of 3 and 2 steps, a filler between them.
    rewards, none = column(1, 2, 4, 0, 8, 16), flag(0, 0, 0, 0, 0, 0)
    ends = flag(0, 0, 1, 0, 0, 1)
    values = torch.full((1, 7, 1), 1e6)
    found = to_go(rewards, values, ends, none, 0.5)
    assert found[:3] == [1 + 0.5 * 2 + 0.25 * 4, 2 + 0.5 * 4, 4]
    assert found[4:] == [8 + 0.5 * 16, 16]


def test_what_a_truncation_cuts_off_is_what_the_critic_says() -> None:
    rewards, values = column(1, 1), column(7, 7, 10)
    cut, no = flag(0, 1), flag(0, 0)
    assert to_go(rewards, values, no, cut, 0.5) == [1 + 0.5 * (1 + 0.5 * 10), 1 + 0.5 * 10]
    assert to_go(rewards, values, cut, cut, 0.5) == [1.5, 1.0]  # both flags: it ended
    assert to_go(rewards, 0 * values, no, cut, 0.5) == [1.5, 1.0]  # no critic


@given(seed=st.integers(0, 2**32 - 1), gamma=st.floats(0, 1))
@settings(max_examples=50)
def test_rewards_to_go_are_gae_with_lambda_one_plus_the_values(seed: int, gamma: float) -> None:
    rng = torch.Generator().manual_seed(seed)
    rewards, values = torch.randn(2, 12, 3, generator=rng), torch.randn(2, 13, 3, generator=rng)
    terminated, truncated = (torch.rand(2, 2, 12, 3, generator=rng) < 0.2).unbind(0)
    truncated[:, -1] = True  # whole episodes
    one, gammas = torch.ones(2), torch.tensor([gamma, 0.9])
    expected = gae(rewards, values, terminated, truncated, gammas, one) + values[:, :-1]
    found = rewards_to_go(rewards, values, terminated, truncated, gammas)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_what_holds_at_the_start_of_an_episode_holds_through_all_of_it() -> None:
    mask = flag(1, 1, 0, 1, 1, 1, 0, 0)
    starts = episode_starts(mask)
    assert starts[0, :, 0].tolist() == [True, False, False, True, False, False, False, False]
    held = hold(column(5, 1, 2, 7, 3, 4, 9, 9), starts)
    assert held[mask].tolist() == [5, 5, 7, 7, 7]
    lengths = episode_lengths(flag(0, 1, 0, 0, 0, 0, 0, 0), flag(0, 0, 0, 0, 0, 1, 0, 0))
    assert hold(lengths, starts)[mask].tolist() == [2, 2, 3, 3, 3]


YES, NO = torch.tensor([True]), torch.tensor([False])


def test_group_relative_advantages_in_a_hand_computed_case() -> None:
    # Groups (1, 3) and (0, 4): means 2 and 2, standard deviations 1 and 2.
    returns = torch.tensor([1.0, 3.0, 0.0, 4.0])
    relative, differ = group_relative(returns, 2, YES)
    torch.testing.assert_close(relative, torch.tensor([-1.0, 1.0, -1.0, 1.0]))
    assert differ.all()
    plain, _ = group_relative(returns, 2, NO)  # Dr. GRPO
    assert plain.tolist() == [-1.0, 1.0, -2.0, 2.0]
    together, _ = group_relative(returns, 4, NO)
    assert together.tolist() == [-1.0, 1.0, -2.0, 2.0]


@given(value=st.floats(-1e4, 1e4, width=32), size=st.integers(2, 9))
def test_a_group_of_equal_returns_teaches_nothing_whatever_its_mean_rounds_to(
    value: float, size: int
) -> None:
    relative, differ = group_relative(torch.full((size,), value), size, YES)
    assert relative.tolist() == [0.0] * size
    assert not differ.any()


@given(seed=st.integers(0, 2**32 - 1), factor=st.floats(0.5, 20), shift=st.floats(-50, 50))
@settings(max_examples=50)
def test_divided_by_the_deviation_advantages_forget_the_scale_of_returns(
    seed: int, factor: float, shift: float
) -> None:
    returns = torch.randn(3, 8, generator=torch.Generator().manual_seed(seed))
    scaled, _ = group_relative(factor * returns + shift, 4, torch.ones(3, 1, dtype=torch.bool))
    plain, _ = group_relative(returns, 4, torch.ones(3, 1, dtype=torch.bool))
    torch.testing.assert_close(scaled, plain, rtol=1e-2, atol=1e-3)
