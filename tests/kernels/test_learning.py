"""The compiled update against torch: gradients, steps, whole updates, for everything that can be combined."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from helpers.kernel_cases import (
    DISTRIBUTIONS,
    Case,
    all_libraries,
    compiled,
    exact_gradient,
    make_case,
    some_library,
)

from ppo_cli.config.algorithms import ALGORITHMS
from ppo_cli.kernels import learning, structs
from ppo_cli.kernels.learning import Tape, TrainableArrays
from ppo_cli.learn.agent import AgentObjective, update
from ppo_cli.learn.algorithms.base import FusedLoss
from ppo_cli.learn.batch import Batch, agent_minibatches
from ppo_cli.learn.compiled_update import (
    batch_arrays,
    compiled_update,
    losses_of,
    steps_of,
    trainable_arrays,
)
from ppo_cli.learn.minibatches import unbind
from ppo_cli.learn.optimise import Trainable
from ppo_cli.nn.compiled import network_of

SHAPES: dict[str, dict[str, Any]] = {
    "64-64 tanh, more than a chunk": {"hidden": (64, 64), "size": 168},
    "one odd layer, relu": {"hidden": (37,), "activation": "relu", "size": 21, "obs_size": 5},
    "three odd layers, one unit": {"hidden": (33, 1, 18), "size": 100, "num_actions": 1, "obs_size": 1},
    "wide, relu, many actions": {
        "hidden": (130, 40), "activation": "relu", "size": 300, "num_actions": 19, "obs_size": 23,
    },
}  # fmt: skip
SEEDS = [1, 2, 3, 4]


def whole(case: Case) -> tuple[Batch, torch.Tensor]:
    """All transitions as one minibatch, in an order, with normalised weights and advantages."""
    members, size = case.batch.weights.shape
    rng = torch.Generator().manual_seed(3)
    order = torch.stack([torch.randperm(size, generator=rng) for _ in range(members)])
    return unbind(agent_minibatches(case.batch, order, 1, case.hyper.normalize_advantages > 0))[0], order


def fused_of(case: Case) -> FusedLoss:
    fused = case.agent.algorithm.fused_loss(case.hyper)
    if fused is None:
        pytest.skip("this algorithm's loss is in no terms that the kernels know")
    return fused


def relative_errors(ours: np.ndarray, exact: torch.Tensor) -> list[float]:
    """Of each member's gradient; of one that is 0, what is there beyond rounding."""
    return ((torch.from_numpy(ours).double() - exact).norm(dim=1) / (exact.norm(dim=1) + 1e-4)).tolist()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_fused_gradient_is_that_of_the_total_loss(algorithm: str, distribution: str, shape: str) -> None:
    lib, case = some_library(), make_case(algorithm, distribution, **SHAPES[shape])
    part, order = whole(case)
    losses = losses_of(fused_of(case), case.hyper)
    ours, _ = learning.loss_gradient(
        lib, network_of(case.agent.net), losses, batch_arrays(case.batch), case.params.numpy(), order.numpy()
    )
    assert max(relative_errors(ours, exact_gradient(case, part))) <= 1e-5


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_is_measured_of_a_minibatch_is_what_torch_measures(algorithm: str, distribution: str) -> None:
    lib, case = some_library(), make_case(algorithm, distribution)
    part, order = whole(case)
    fused, objective = fused_of(case), AgentObjective(case.agent, case.hyper)
    _, measured = learning.loss_gradient(
        lib, network_of(case.agent.net), losses_of(fused, case.hyper), batch_arrays(case.batch),
        case.params.numpy(), order.numpy(),
    )  # fmt: skip
    ours = dict(zip(structs.METRICS, torch.from_numpy(measured).unbind(1), strict=True))
    gradient = objective.gradient(case.params, part)
    one = agent_minibatches(case.batch, order, 1, case.hyper.normalize_advantages > 0)
    theirs = objective.metrics([values[None] for values in gradient.aux], one)
    assert set(fused.metrics) | {"train/entropy", "train/approx_kl"} <= set(theirs)
    assert set(theirs) <= {*fused.metrics, "train/entropy", "train/approx_kl", "train/value_loss"}
    for name, values in theirs.items():
        torch.testing.assert_close(ours[name.removeprefix("train/")], values[0], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(ours["grad_norm"], gradient.grads.norm(dim=1), rtol=1e-5, atol=0)


@pytest.mark.parametrize("gain", structs.GAINS)
def test_every_gain_is_its_formula(gain: str) -> None:
    lib, case = some_library(), make_case("ppo-clip", "gaussian")
    part, order = whole(case)
    eps = torch.tensor([0.1, 0.3])
    losses = losses_of(FusedLoss(gain, eps_low=eps, eps_high=2 * eps), case.hyper)  # type: ignore[arg-type]

    def formula(policy: Any, batch: Batch, hyper: Any) -> torch.Tensor:
        ratio, advantages, high = policy.log_ratio.exp(), batch.advantages, 2 * eps[:, None]
        terms = {
            "policy-gradient": policy.log_probs * advantages,
            "surrogate": ratio * advantages,
            "clipped": torch.minimum(
                ratio * advantages, ratio.clamp(1 - eps[:, None], 1 + high) * advantages
            ),
            "parabola": ratio * advantages - advantages.abs() / (2 * high) * (ratio - 1).square(),
        }
        return -(terms[gain] * batch.weights).sum(-1)

    case.agent.algorithm.loss = formula  # type: ignore[method-assign]
    ours, _ = learning.loss_gradient(
        lib, network_of(case.agent.net), losses, batch_arrays(case.batch), case.params.numpy(), order.numpy()
    )
    assert max(relative_errors(ours, exact_gradient(case, part))) <= 1e-5


def test_a_step_is_that_of_torchs_adam_with_the_gradient_clipped() -> None:
    lib, case = some_library(), make_case(members=3)
    network, rng = network_of(case.agent.net), torch.Generator().manual_seed(5)
    hyper = replace(
        case.hyper,
        learning_rate=torch.tensor([1e-4, 1e-2, 3e-3], dtype=torch.float64),
        critic_learning_rate=torch.tensor([1e-3, 1e-4, 3e-3], dtype=torch.float64),
        max_grad_norm=torch.tensor([0.5, torch.inf, 10.0]),
    )
    start = torch.zeros_like(case.params)  # so that parameters round no coarser than steps
    ours, theirs = Trainable.fresh(start.clone()), Trainable.fresh(start)
    for _ in range(30):
        grads = torch.randn(case.params.shape, generator=rng) * torch.rand(1, generator=rng)
        norms = grads.norm(dim=1)
        learning.take_step(
            lib,
            network,
            steps_of(hyper),
            trainable_arrays(ours),
            grads.numpy(),
            norms.numpy(),
            np.ones(3, bool),
        )
        clipped = grads * (hyper.max_grad_norm / (norms + 1e-6)).clamp(max=1.0)[:, None]
        rates = case.agent.net.rates(hyper.learning_rate, hyper.critic_learning_rate)
        theirs.step_(clipped, rates, torch.ones(3, dtype=torch.bool))
    assert ours.adam_step.tolist() == [30.0] * 3
    errors = (ours.params - theirs.params).abs().amax(1) / theirs.params.abs().amax(1)
    assert errors.max() < 1e-6


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_whole_update_is_torchs(algorithm: str, distribution: str) -> None:
    lib, case = some_library(), make_case(algorithm, distribution, members=4)
    fused = fused_of(case)
    ours, theirs = Trainable.fresh(case.params.clone()), Trainable.fresh(case.params.clone())
    wanted = update(case.agent, theirs, case.batch, case.hyper, SEEDS, 5, 3, 2)
    got = compiled_update(compiled(lib, case.agent), fused, ours, case.batch, case.hyper, SEEDS, 5, 3, 2)
    assert (theirs.params - case.params).abs().max() > 1e-4
    torch.testing.assert_close(ours.params, theirs.params, rtol=0, atol=1e-6)
    assert ours.adam_step.tolist() == theirs.adam_step.tolist()
    assert got.metrics.keys() == wanted.metrics.keys()
    assert got.failures == wanted.failures == {}
    for name, values in wanted.metrics.items():
        torch.testing.assert_close(got.metrics[name].double(), values.double(), rtol=1e-3, atol=1e-5)


def test_a_member_stops_where_torchs_does_when_its_policy_has_moved_too_far() -> None:
    lib, case = some_library(), make_case(members=4)
    hyper = replace(
        case.hyper,
        learning_rate=torch.full((4,), 1e-2, dtype=torch.float64),
        target_kl=torch.tensor([0.02, torch.inf, 0.05, 0.0]),
    )
    ours, theirs = Trainable.fresh(case.params.clone()), Trainable.fresh(case.params.clone())
    wanted = update(case.agent, theirs, case.batch, hyper, SEEDS, 0, 4, 3)
    got = compiled_update(compiled(lib, case.agent), fused_of(case), ours, case.batch, hyper, SEEDS, 0, 4, 3)
    assert len(set(theirs.adam_step.tolist())) > 2
    assert ours.adam_step.tolist() == theirs.adam_step.tolist()
    assert got.metrics["train/epochs"].tolist() == wanted.metrics["train/epochs"].tolist()


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_all_instruction_sets_give_the_same_bits(distribution: str) -> None:
    case = make_case("ppo-kl", distribution, hidden=(33, 64), size=260)
    libs = all_libraries()
    if len(libs) == 1:
        pytest.skip("this machine has one instruction set that there are kernels for")
    learned = []
    for lib in libs:
        ours = Trainable.fresh(case.params.clone())
        compiled_update(
            compiled(lib, case.agent), fused_of(case), ours, case.batch, case.hyper, SEEDS[:2], 0, 2, 2
        )
        learned.append(ours)
    for name, values in learned[0].tensors().items():
        assert values.numpy().tobytes() == learned[1].tensors()[name].numpy().tobytes(), name


def test_a_member_has_the_same_bits_alone_and_whatever_the_number_of_threads() -> None:
    lib, case = some_library(), make_case(members=4)
    fused = fused_of(case)
    learned = []
    for num_threads in (1, 3):
        ours = Trainable.fresh(case.params.clone())
        compiled_update(
            compiled(lib, case.agent, num_threads), fused, ours, case.batch, case.hyper, SEEDS, 0, 2, 3
        )
        learned.append(ours.params)
    assert torch.equal(*learned)
    rows = torch.tensor([2])
    hyper, alone = case.hyper.keep(rows), Trainable.fresh(case.params[2:3].clone())
    batch = Batch(**{name: v if v is None else v[2:3] for name, v in vars(case.batch).items()})
    own = case.agent.algorithm.fused_loss(hyper)
    assert own is not None
    compiled_update(compiled(lib, case.agent), own, alone, batch, hyper, SEEDS[2:3], 0, 2, 3)
    assert torch.equal(alone.params[0], learned[0][2])


@pytest.mark.parametrize("distribution", ["categorical", "gaussian", "beta"])
@pytest.mark.parametrize("shape", SHAPES)
def test_networks_forward_and_backward_are_those_of_torch(shape: str, distribution: str) -> None:
    lib, case = some_library(), make_case("ppo-clip", distribution, **SHAPES[shape])
    net, network, params, obs = case.agent.net, network_of(case.agent.net), case.params, case.batch.obs
    tape = Tape(lib, network, *obs.shape[:2])
    heads, values = learning.forward(lib, network, params.numpy(), obs.numpy(), tape)
    output, theirs = net.forward(params, obs)
    torch.testing.assert_close(torch.from_numpy(heads), output.head, rtol=1e-4, atol=2e-6)
    torch.testing.assert_close(torch.from_numpy(values), theirs, rtol=1e-4, atol=2e-6)
    rng = torch.Generator().manual_seed(1)
    grad_heads, grad_values = (torch.randn(t.shape, generator=rng) for t in (output.head, theirs))
    grad_log_std = torch.randn(len(params), net.num_actions, generator=rng) if net.has_log_std else None
    ours, norms = learning.backward(
        lib, network, params.numpy(), grad_heads.numpy(),
        None if grad_log_std is None else grad_log_std.numpy(), grad_values.numpy(), tape,
    )  # fmt: skip
    exact = net.backward(params, grad_heads, grad_log_std, grad_values)
    assert max(relative_errors(ours, exact.double())) < 1e-5
    assert np.allclose(norms, np.linalg.norm(ours, axis=1), rtol=1e-5)


def test_minibatches_in_which_nothing_counts_take_no_step() -> None:
    lib, case = some_library(), make_case(members=3)
    case.batch.weights[0] = 0.0
    ours, theirs = Trainable.fresh(case.params.clone()), Trainable.fresh(case.params.clone())
    wanted = update(case.agent, theirs, case.batch, case.hyper, SEEDS[:3], 0, 2, 2)
    got = compiled_update(
        compiled(lib, case.agent), fused_of(case), ours, case.batch, case.hyper, SEEDS[:3], 0, 2, 2
    )
    assert ours.adam_step.tolist() == theirs.adam_step.tolist() == [0.0, 4.0, 4.0]
    assert torch.equal(ours.params[0], case.params[0])
    assert got.metrics["train/entropy"].isnan().tolist() == wanted.metrics["train/entropy"].isnan().tolist()


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("poison", [float("nan"), float("inf"), -float("inf"), 1e38])
@pytest.mark.parametrize("where", ["obs", "advantages", "log_probs", "returns", "weights", "params"])
def test_what_is_not_finite_stops_its_member_alone(where: str, poison: float, distribution: str) -> None:
    lib, case = some_library(), make_case("ppo-clip", distribution, members=2, size=40, hidden=(9,))
    ours = Trainable.fresh(case.params.clone())
    (ours.params if where == "params" else getattr(case.batch, where))[0, 3] = poison
    fused = fused_of(case)
    healthy = copy.deepcopy(ours)
    outcome = compiled_update(
        compiled(lib, case.agent), fused, ours, case.batch, case.hyper, SEEDS[:2], 0, 2, 2
    )
    theirs = update(case.agent, healthy, case.batch, case.hyper, SEEDS[:2], 0, 2, 2)
    if poison != 1e38:  # which of the two overflows first is a matter of rounding
        assert outcome.failures.keys() == theirs.failures.keys()
    assert ours.params[1].isfinite().all()
    torch.testing.assert_close(ours.params[1], healthy.params[1], rtol=0, atol=1e-6)


def test_nothing_to_learn_from_is_no_crash() -> None:
    lib, case = some_library(), make_case()
    case.batch = Batch(**{name: v if v is None else v[:, :0] for name, v in vars(case.batch).items()})
    network, losses = network_of(case.agent.net), losses_of(fused_of(case), case.hyper)
    arrays, steps = batch_arrays(case.batch), steps_of(case.hyper)
    trainable = trainable_arrays(Trainable.fresh(case.params.clone()))
    empty = np.zeros((2, 3, 0), np.int64)
    metrics = learning.update(lib, network, losses, steps, arrays, trainable, empty, 1)
    assert metrics.shape == (2, 3, len(structs.METRICS))
    assert not metrics.any()
    assert np.array_equal(trainable.params, case.params.numpy())
    nobody = TrainableArrays(*(values[:0] for values in vars(trainable).values()))
    none = learning.update(
        lib, network, losses[:0], steps[:0], arrays, nobody, np.zeros((0, 3, 0), np.int64), 1
    )
    assert none.shape == (0, 3, len(structs.METRICS))


def test_an_array_of_another_type_is_refused_in_words() -> None:
    lib, case = some_library(), make_case(size=8)
    arrays = replace(batch_arrays(case.batch), obs=case.batch.obs.double().numpy())
    with pytest.raises(ValueError, match="take float32 here, got float64"):
        learning.loss_gradient(
            lib, network_of(case.agent.net), losses_of(fused_of(case), case.hyper), arrays,
            case.params.numpy(), np.zeros((2, 4), np.int64),
        )  # fmt: skip
