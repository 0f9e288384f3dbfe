"""The batched networks against ordinary ``torch.nn`` modules built from their named parameters."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from ppo_cli.nn.actor_critic import ActorCritic
from ppo_cli.nn.distributions import make_distribution
from ppo_cli.rng import Stream, generator
from ppo_cli.spaces import ActionSpec, EnvSpec

MEMBERS, OBS = 3, 5
ACTIONS = {
    "discrete": ActionSpec("discrete", 3),
    "box": ActionSpec("box", 2, (-1.0, -1.0), (1.0, 1.0)),
    "box of one": ActionSpec("box", 1, (-1.0,), (1.0,)),
    "one choice": ActionSpec("discrete", 1),
}


def make_net(
    action: str = "discrete", activation: str = "tanh", hidden: tuple[int, ...] = (16, 8)
) -> ActorCritic:
    return ActorCritic(EnvSpec("Test-v0", OBS, ACTIONS[action]), hidden, activation)


def fresh(net: ActorCritic, members: int = MEMBERS, log_std_init: float = -0.5) -> Tensor:
    return net.init([generator(seed, Stream.INIT) for seed in range(members)], [log_std_init] * members)


def module(named: dict[str, Tensor], net_name: str, activation: str) -> nn.Sequential:
    """One network as torch users write it."""
    layers: list[nn.Module] = []
    count = sum(name.startswith(net_name) and name.endswith("weight") for name in named)
    for index in range(count):
        weight, bias = (named[f"{net_name}.{index}.{kind}"].detach() for kind in ("weight", "bias"))
        linear = nn.Linear(*weight.shape)
        linear.weight = nn.Parameter(weight.T.clone())
        linear.bias = nn.Parameter(bias.clone())
        layers += [linear, nn.ReLU() if activation == "relu" else nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def roughened(params: Tensor, net: ActorCritic) -> Tensor:
    """Parameters where nothing is zero that learning could change, so that no mistake hides behind a zero."""
    rng = torch.Generator().manual_seed(9)
    params = params.clone()
    for row in params:
        for value in net.named_parameters(row).values():
            value += 0.3 * torch.randn(value.shape, generator=rng)
    return params


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("action", list(ACTIONS))
@pytest.mark.parametrize("hidden", [(16, 8), (7,), (4, 4, 4)])
def test_forward_and_hand_written_backward_agree_with_autograd(
    action: str, activation: str, hidden: tuple[int, ...]
) -> None:
    net = make_net(action, activation, hidden)
    params = roughened(fresh(net), net)
    rng = torch.Generator().manual_seed(1)
    obs = torch.randn(MEMBERS, 11, OBS, generator=rng)
    policy, values = net.forward(params, obs)
    weights = torch.randn(policy.head.shape, generator=rng), torch.randn(values.shape, generator=rng)
    grad_log_std = None if policy.log_std is None else policy.log_std[:, 0].exp()
    grads = net.backward(params, 2 * policy.head * weights[0], grad_log_std, 2 * values * weights[1])
    for m in range(MEMBERS):
        named = net.named_parameters(params[m])
        own_grads = net.named_parameters(grads[m])
        actor, critic = module(named, "actor", activation), module(named, "critic", activation)
        location, value = actor(obs[m]), critic(obs[m])[:, 0]
        torch.testing.assert_close(policy.head[m], location)
        torch.testing.assert_close(values[m], value)
        ((location.square() * weights[0][m]).sum() + (value.square() * weights[1][m]).sum()).backward()
        for name, network in (("actor", actor), ("critic", critic)):
            linears = [layer for layer in network if isinstance(layer, nn.Linear)]
            for index, linear in enumerate(linears):
                assert linear.weight.grad is not None and linear.bias.grad is not None
                close = {"rtol": 1e-4, "atol": 1e-5}
                torch.testing.assert_close(own_grads[f"{name}.{index}.weight"], linear.weight.grad.T, **close)
                torch.testing.assert_close(own_grads[f"{name}.{index}.bias"], linear.bias.grad, **close)
        if policy.log_std is not None:
            torch.testing.assert_close(own_grads["log_std"], named["log_std"].exp())


@pytest.mark.parametrize("action", list(ACTIONS))
def test_what_is_not_a_named_parameter_is_padding_gets_no_gradient_and_stays_zero(action: str) -> None:
    net = make_net(action)
    params = fresh(net)
    marked = params[0].clone().fill_(1.0)
    for value in net.named_parameters(marked).values():
        value.fill_(0.0)
    padding = marked.bool()
    assert (params[:, padding] == 0).all()
    policy, values = net.forward(params, torch.randn(MEMBERS, 4, OBS))
    distribution = make_distribution(net.spec.action)
    actions = distribution.sample(policy, torch.zeros(policy.head.shape))
    ones = torch.ones(values.shape)
    grads = net.backward(params, *distribution.backward(policy, actions, ones, ones), ones)
    assert (grads[:, padding] == 0).all()
    assert padding.any()


@pytest.mark.parametrize("action", list(ACTIONS))
def test_acting_gives_what_learning_sees(action: str) -> None:
    net = make_net(action)
    params = roughened(fresh(net), net)
    obs = torch.randn(MEMBERS, 6, OBS)
    acted = net.act(params, obs).head.clone()
    with torch.no_grad():
        seen = net.forward(params, obs)[0].head
    torch.testing.assert_close(acted, seen)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("num_envs", [1, 2, 5, 6, 7, 8, 9, 11, 16])
def test_acting_gives_the_same_bits_alone_with_others_and_with_more_threads(
    num_envs: int, threads: int
) -> None:
    net = ActorCritic(EnvSpec("Test-v0", 8, ActionSpec("discrete", 4)), (64, 64), "relu")
    params = fresh(net, 5)
    obs = torch.randn(5, num_envs, 8, generator=torch.Generator().manual_seed(0))
    expected = net.act(params, obs).head.clone()
    torch.set_num_threads(threads)
    assert torch.equal(net.act(params, obs).head, expected)
    for m in range(5):
        alone = net.act(params[m : m + 1].clone(), obs[m : m + 1].clone()).head
        assert torch.equal(alone[0], expected[m])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("critic", [True, False])
@pytest.mark.parametrize("policy", ["gaussian", "beta"])
@pytest.mark.parametrize("hidden", [(64, 64), (5, 7)])
@pytest.mark.parametrize("size", [1, 3])
def test_learning_gives_a_member_the_same_bits_alone_and_with_others(
    hidden: tuple[int, ...], size: int, policy: str, critic: bool, threads: int
) -> None:
    """The sizes are those where the place of a matrix in memory, or a matrix alone, once changed its bits."""
    action = ActionSpec("box", size, (-1.0,) * size, (1.0,) * size)
    net = ActorCritic(EnvSpec("Test-v0", 8, action), hidden, "relu", policy, critic)
    params, rng = fresh(net, 4), torch.Generator().manual_seed(0)
    torch.set_num_threads(threads)
    for batch in (5, 7, 64, 257):
        shapes = (batch, 8), (batch, net.num_outputs), (size,), (batch,)
        inputs = [params, *(torch.randn(4, *shape, generator=rng) for shape in shapes)]
        together = learned(net, *inputs)
        for m in range(4):
            alone = learned(net, *(value[m : m + 1].clone() for value in inputs))
            assert all(torch.equal(a[m], b[0]) for a, b in zip(together, alone, strict=True)), (batch, m)


def learned(
    net: ActorCritic,
    params: Tensor,
    obs: Tensor,
    grad_outputs: Tensor,
    grad_log_std: Tensor,
    grad_values: Tensor,
) -> list[Tensor]:
    """What the networks say and which gradients they get."""
    policy, values = net.forward(params, obs)
    said = [policy.head.clone(), values.clone(), net.act(params, obs).head.clone()]
    net.forward(params, obs)
    return [
        *said,
        net.backward(params, grad_outputs, grad_log_std if net.has_log_std else None, grad_values).clone(),
    ]


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("action", list(ACTIONS))
def test_an_actor_without_a_critic_learns_as_the_same_one_with_a_critic(
    action: str, threads: int, members: int
) -> None:
    spec = EnvSpec("Test-v0", OBS, ACTIONS[action])
    alone, both = (ActorCritic(spec, (16, 8), "tanh", critic=critic) for critic in (False, True))
    assert 2 * alone.num_params == both.num_params
    params = fresh(alone, members)
    wide = fresh(both, members)
    assert torch.equal(wide[:, : alone.num_params], params), "the actor is drawn first"
    assert not any("critic" in name for name in alone.named_parameters(params[0]))
    torch.set_num_threads(threads)
    obs = torch.randn(members, 9, OBS, generator=torch.Generator().manual_seed(0))
    policy, values = alone.forward(params, obs)
    assert torch.equal(values, torch.zeros(members, 9))
    expected, _ = both.forward(wide, obs)
    assert torch.equal(policy.head, expected.head)
    grad_log_std = None if policy.log_std is None else torch.ones_like(policy.log_std[:, 0])
    grads = alone.backward(params, policy.head, grad_log_std, torch.full((members, 9), math.nan))
    wide_grads = both.backward(wide, policy.head, grad_log_std, torch.zeros(members, 9))
    assert grads.shape == params.shape
    assert torch.equal(grads, wide_grads[:, : alone.num_params])
    assert torch.equal(alone.mean_std(params).nan_to_num(), both.mean_std(wide).nan_to_num())


def test_a_beta_policy_says_two_numbers_of_each_action_and_has_no_deviation() -> None:
    net = ActorCritic(EnvSpec("Test-v0", OBS, ACTIONS["box"]), (16,), "relu", "beta")
    params = fresh(net)
    policy, _ = net.forward(params, torch.randn(MEMBERS, 4, OBS))
    assert (net.num_actions, net.num_outputs, net.has_log_std) == (2, 4, False)
    assert policy.head.shape == (MEMBERS, 4, 4) and policy.log_std is None
    assert "log_std" not in net.named_parameters(params[0]) and net.mean_std(params).isnan().all()
    assert ActorCritic(EnvSpec("Test-v0", OBS, ACTIONS["discrete"]), (16,), "relu", "beta").num_outputs == 3


def test_members_with_other_parameters_do_not_see_stale_views() -> None:
    net = make_net()
    obs = torch.randn(MEMBERS, 4, OBS)
    first = fresh(net)
    before = net.act(first, obs).head.clone()
    changed = roughened(first, net)
    assert not torch.equal(net.act(changed, obs).head, before)
    assert torch.equal(net.act(first, obs).head, before)
    first.copy_(changed)
    assert torch.equal(net.act(first, obs).head, net.act(changed, obs).head)


def test_an_update_in_place_is_seen_by_the_next_call() -> None:
    net = make_net()
    params, obs = fresh(net), torch.randn(MEMBERS, 4, OBS)
    with torch.no_grad():
        before = net.forward(params, obs)[1].clone()
        params.mul_(2.0)
        assert not torch.equal(net.forward(params, obs)[1], before)


@pytest.mark.parametrize("action", ["discrete", "box"])
def test_a_fresh_policy_is_nearly_indifferent_and_its_biases_are_zero(action: str) -> None:
    net = make_net(action, hidden=(32, 32))
    params = fresh(net)
    named = net.named_parameters(params[0])
    gains = {"actor.0": math.sqrt(2), "actor.1": math.sqrt(2), "actor.2": 0.01, "critic.2": 1.0}
    for name, gain in gains.items():
        singular = torch.linalg.svdvals(named[f"{name}.weight"].double())
        torch.testing.assert_close(singular, torch.full_like(singular, gain), rtol=1e-4, atol=0)
    assert all((value == 0).all() for name, value in named.items() if name.endswith("bias"))
    assert net.act(params, torch.randn(MEMBERS, 50, OBS)).head.abs().max() < 0.1
    if action == "box":
        assert named["log_std"].tolist() == [-0.5, -0.5]
        assert net.mean_std(params).tolist() == pytest.approx([math.exp(-0.5)] * MEMBERS)
    else:
        assert net.mean_std(params).isnan().all()


def test_actor_and_critic_and_members_start_with_different_weights() -> None:
    net = make_net()
    params = fresh(net)
    named = net.named_parameters(params[0])
    assert not torch.equal(named["actor.0.weight"], named["critic.0.weight"])
    assert not torch.equal(params[0], params[1])
    assert torch.equal(params, fresh(net))
