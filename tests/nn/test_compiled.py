"""Any algorithm with compiled networks: what torch's networks would have learned."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from helpers.kernel_cases import DISTRIBUTIONS, make_case, some_library

from ppo_cli.config.algorithms import ALGORITHMS
from ppo_cli.learn.agent import update
from ppo_cli.learn.optimise import Trainable
from ppo_cli.nn.compiled import CompiledActorCritic

SEEDS = [1, 2, 3]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_update_with_compiled_networks_is_torchs(algorithm: str, distribution: str) -> None:
    lib, case = some_library(), make_case(algorithm, distribution, members=3, hidden=(33, 7))
    agent = replace(case.agent, net=CompiledActorCritic(lib, case.agent.net))
    ours, theirs = Trainable.fresh(case.params.clone()), Trainable.fresh(case.params.clone())
    got = update(agent, ours, case.batch, case.hyper, SEEDS, 2, 2, 3)
    wanted = update(case.agent, theirs, case.batch, case.hyper, SEEDS, 2, 2, 3)
    assert (theirs.params - case.params).abs().max() > 1e-4
    torch.testing.assert_close(ours.params, theirs.params, rtol=0, atol=1e-6)
    for name, values in wanted.metrics.items():
        torch.testing.assert_close(got.metrics[name], values, rtol=1e-3, atol=1e-5)


def test_a_loss_that_autograd_differentiates_takes_the_same_steps_through_them() -> None:
    lib, case = some_library(), make_case(members=3)
    case.agent.algorithm.loss_gradient = lambda *_: None  # type: ignore[method-assign]
    learned = []
    for net in (
        case.agent.net,
        CompiledActorCritic(lib, case.agent.net),
        CompiledActorCritic(lib, case.agent.net, 2),
    ):
        learned.append(Trainable.fresh(case.params.clone()))
        update(replace(case.agent, net=net), learned[-1], case.batch, case.hyper, SEEDS, 0, 2, 3)
    torch.testing.assert_close(learned[1].params, learned[0].params, rtol=0, atol=1e-6)
    assert torch.equal(learned[1].params, learned[2].params)
