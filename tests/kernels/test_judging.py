"""What the kernels say of a rollout against what torch says of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from helpers.kernel_cases import DISTRIBUTIONS, all_libraries, make_case, some_library

from ppo_cli.kernels import learning
from ppo_cli.kernels.judging import gae, judge, rewards_to_go
from ppo_cli.learn import advantages
from ppo_cli.learn.batch import explained_variance
from ppo_cli.learn.compiled_update import batch_arrays
from ppo_cli.nn.compiled import network_of

EVERYTHING = ("heads", "values", "log_probs", "entropies", "kls")


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_values_and_what_the_policy_says_are_torchs(distribution: str, activation: str) -> None:
    lib, case = (
        some_library(),
        make_case("ppo-kl", distribution, size=150, hidden=(40, 9), activation=activation),
    )
    net, kind, batch, num_acted = case.agent.net, case.agent.distribution, case.batch, 137
    old, actions = batch.old_policy, batch.actions[:, :num_acted].contiguous()
    assert old is not None
    old = old.first(num_acted).clone()
    found = judge(
        lib, network_of(net), case.params.numpy(), batch.obs.numpy(), actions.numpy(), wanted=EVERYTHING,
        old_head=old.head.numpy(),
        old_log_std=None if old.log_std is None else old.log_std.flatten(1).numpy(),
    )  # fmt: skip
    output, values = net.forward(case.params, batch.obs)
    output = output.first(num_acted)
    log_probs, entropies = kind.log_prob_and_entropy(output, actions)
    wanted = {
        "heads": output.head,
        "values": values,
        "log_probs": log_probs,
        "entropies": entropies,
        "kls": kind.kl(old, output),
    }
    for name in EVERYTHING:
        torch.testing.assert_close(torch.from_numpy(found[name]), wanted[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 1e4, 1e6])
def test_flat_and_sharp_beta_distributions_have_exact_log_probabilities(scale: float) -> None:
    lib, case = some_library(), make_case("ppo-kl", "beta", hidden=(5,), num_actions=2)
    net, kind = case.agent.net, case.agent.distribution
    params = case.params.clone()
    for row in params:
        named = net.named_parameters(row)
        named["actor.1.weight"].zero_()
        named["actor.1.bias"].copy_(torch.tensor([1.0, 2.0, -1.0, 0.5]) * scale)
    output, _ = net.forward(params, case.batch.obs)
    # The actions that such a policy takes.
    torch.manual_seed(0)
    peak = kind.mode(output)
    actions = (peak + 0.3 * torch.randn_like(peak) * (peak * (1 - peak) / (1 + scale)).sqrt()).clamp(
        1e-4, 1 - 1e-4
    )
    found = judge(
        lib, network_of(net), params.numpy(), case.batch.obs.numpy(), actions.numpy(),
        wanted=("log_probs", "entropies"),
    )  # fmt: skip
    shapes = 1 + torch.nn.functional.softplus(output.head.double()).unflatten(-1, (-1, 2)) + 1e-6
    exact = torch.distributions.Beta(shapes[..., 0], shapes[..., 1])
    for name, wanted in (("log_probs", exact.log_prob(actions.double())), ("entropies", exact.entropy())):
        error = (torch.from_numpy(found[name]).double() - wanted.sum(-1)).abs().max()
        assert error <= 1e-6 * max(1.0, scale), name  # what float32 holds of shapes this large


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_all_instruction_sets_say_the_same_bits(distribution: str) -> None:
    libs, case = all_libraries(), make_case("ppo-kl", distribution, hidden=(33, 64), size=77)
    old = case.batch.old_policy
    assert old is not None
    said: list[dict[str, Any]] = [
        judge(
            lib, network_of(case.agent.net), case.params.numpy(), case.batch.obs.numpy(),
            case.batch.actions.numpy(), wanted=EVERYTHING, old_head=old.head.numpy(),
            old_log_std=None if old.log_std is None else old.log_std.flatten(1).numpy(),
        )
        for lib in libs
    ]  # fmt: skip
    for other in said[1:]:
        assert all(other[name].tobytes() == said[0][name].tobytes() for name in EVERYTHING)


def rollout(num_steps: int = 41, num_envs: int = 5, members: int = 3) -> dict[str, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    shape = (members, num_steps, num_envs)
    return {
        "rewards": torch.randn(shape, generator=rng),
        "values": torch.randn(members, num_steps + 1, num_envs, generator=rng),
        "terminated": torch.rand(shape, generator=rng) < 0.1,
        "truncated": torch.rand(shape, generator=rng) < 0.1,
        "gamma": torch.tensor([0.9, 0.99, 1.0])[:members],
    }


def test_generalised_advantages_are_torchs() -> None:
    lib, given, lam = some_library(), rollout(), torch.tensor([0.5, 0.95, 1.0])
    wanted = advantages.gae(**given, gae_lambda=lam)
    found = gae(lib, **{name: values.numpy() for name, values in given.items()}, gae_lambda=lam.numpy())
    torch.testing.assert_close(torch.from_numpy(found), wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("critic", [True, False])
def test_rewards_to_go_are_torchs(critic: bool) -> None:
    lib, given = some_library(), rollout()
    if not critic:
        given["values"] = torch.zeros_like(given["values"])
    wanted = advantages.rewards_to_go(**given)
    arrays: dict[str, Any] = {name: values.numpy() for name, values in given.items()}
    if not critic:
        arrays["values"] = None
    found = rewards_to_go(lib, **arrays)
    torch.testing.assert_close(torch.from_numpy(found), wanted, rtol=1e-6, atol=1e-6)


def test_a_rollout_of_no_steps_is_no_crash() -> None:
    lib, given = some_library(), rollout(num_steps=0)
    arrays = {name: values.numpy() for name, values in given.items()}
    assert gae(lib, **arrays, gae_lambda=np.ones(3, np.float32)).shape == (3, 0, 5)
    assert rewards_to_go(lib, **arrays).shape == (3, 0, 5)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("poison", [float("nan"), float("inf"), 1e38])
def test_what_is_not_finite_stays_with_its_transition(poison: float, distribution: str) -> None:
    lib, case = some_library(), make_case("ppo-clip", distribution, size=40)
    obs, network = case.batch.obs, network_of(case.agent.net)
    clean = judge(lib, network, case.params.numpy(), obs.numpy(), case.batch.actions.numpy())
    obs[0, 3] = poison
    found = judge(lib, network, case.params.numpy(), obs.numpy(), case.batch.actions.numpy())
    for name, values in found.items():
        values[0, 3] = clean[name][0, 3]
        assert np.array_equal(values, clean[name])


def test_explained_variance_is_numpys() -> None:
    case = make_case(members=4, size=301)
    batch = case.batch
    batch.weights[0, ::3] = 0.0
    batch.weights[1] = 0.0  # nothing counts
    batch.returns[2] = 3.0  # nothing to explain
    batch.returns[3] = batch.values[3] + 0.01 * batch.returns[3]
    wanted = explained_variance(batch)
    assert wanted.isnan().tolist() == [False, True, True, False]
    for lib in all_libraries():
        found = learning.explained_variance(lib, batch_arrays(batch))
        torch.testing.assert_close(torch.from_numpy(found), wanted.float(), equal_nan=True)
