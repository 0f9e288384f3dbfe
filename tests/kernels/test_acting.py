"""What compiled policies do: the actions that torch takes with the same noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.kernel_cases import DISTRIBUTIONS, all_libraries, make_case, some_library

from ppo_cli.kernels import learning
from ppo_cli.kernels.acting import Actors, bend
from ppo_cli.kernels.learning import Tape
from ppo_cli.learn.rollout import action_noise
from ppo_cli.nn.compiled import network_of

SHAPES = {"64-64, four environments": ((64, 64), 4), "odd layers, eleven environments": ((7, 33, 1), 11)}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_actions_are_those_that_torch_samples_with_the_same_noise(distribution: str, shape: str) -> None:
    hidden, num_envs = SHAPES[shape]
    lib, case = some_library(), make_case("ppo-clip", distribution, hidden=hidden, size=num_envs, members=3)
    net, kind = case.agent.net, case.agent.distribution
    actors = Actors(lib, network_of(net), case.params.numpy(), num_envs)
    noise = action_noise(kind, [1, 2, 3], 0, (25, num_envs, net.num_actions))
    policy = net.act(case.params, case.batch.obs)
    for step in noise.unbind(1):
        found = torch.from_numpy(actors.act(case.batch.obs.numpy(), step.contiguous().numpy()))
        torch.testing.assert_close(found, kind.sample(policy, step), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_without_noise_they_are_the_most_likely_ones(distribution: str) -> None:
    lib, case = some_library(), make_case("ppo-clip", distribution, size=9)
    net, kind = case.agent.net, case.agent.distribution
    found = Actors(lib, network_of(net), case.params.numpy(), 9).act(case.batch.obs.numpy(), None)
    wanted = kind.mode(net.act(case.params, case.batch.obs))
    torch.testing.assert_close(torch.from_numpy(found), wanted, rtol=1e-4, atol=1e-5)


def test_acting_and_learning_see_the_same_policy_to_the_last_bit() -> None:
    lib, case = some_library(), make_case("ppo-clip", "gaussian", hidden=(33, 64), size=6)
    network, params, obs = network_of(case.agent.net), case.params.numpy(), case.batch.obs.numpy()
    means, _ = learning.forward(lib, network, params, obs, Tape(lib, network, *obs.shape[:2]))
    assert Actors(lib, network, params, 6).act(obs, None).tobytes() == means.tobytes()


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_all_instruction_sets_take_the_same_actions_and_what_is_not_finite_is_no_crash(
    distribution: str,
) -> None:
    libs, case = all_libraries(), make_case("ppo-clip", distribution, hidden=(33,), size=9)
    net, obs = case.agent.net, case.batch.obs.clone()
    obs[0, 2], obs[0, 3], obs[1, 4] = torch.nan, torch.inf, 1e38
    noise = action_noise(case.agent.distribution, [1, 2], 0, (1, 9, net.num_actions))[:, 0]
    taken = [
        Actors(lib, network_of(net), case.params.numpy(), 9).act(obs.numpy(), noise.contiguous().numpy())
        for lib in libs
    ]
    assert all(np.array_equal(other, taken[0], equal_nan=other.dtype == np.float32) for other in taken)
    if distribution == "categorical":
        assert ((taken[0] >= 0) & (taken[0] < net.num_actions)).all()


def test_numbers_are_bent_between_the_bounds_as_by_torch_and_alike_in_all_builds() -> None:
    given = torch.cat(
        [torch.linspace(-20, 20, 1001), torch.tensor([0.0, -0.0, torch.inf, -torch.inf, 1e-30])]
    )
    found = [bend(lib, given.numpy()) for lib in all_libraries()]
    torch.testing.assert_close(torch.from_numpy(found[0]), 0.5 * given.tanh() + 0.5, rtol=0, atol=3e-7)
    assert all(other.tobytes() == found[0].tobytes() for other in found)
    assert ((found[0] >= 0) & (found[0] <= 1)).all()
    assert np.isnan(bend(all_libraries()[0], np.array([np.nan], np.float32))).all()
