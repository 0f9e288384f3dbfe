"""Where rungs lie."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.errors import UsageError
from ppo_cli.learn import trainer
from ppo_cli.sweeps.spec.rungs import RUNGS, rung_iteration


@pytest.mark.parametrize("evaluations", [2, 3, 7, 10, 25])
def test_rungs_fall_on_iterations_that_are_evaluated(evaluations: int) -> None:
    for iterations in (evaluations, 16, 37, 100, 101):
        config = with_values(
            RunConfig(env_id="CartPole-v1"),
            {"num_envs": 2, "num_steps": 16, "total_timesteps": 32 * iterations, "num_evals": evaluations},
        )
        rungs = [rung_iteration(config, share) for share in RUNGS]
        for rung in rungs:
            at = SimpleNamespace(config=config, num_iterations=iterations, iteration=rung)
            assert trainer.evaluation_due(at), (iterations, rung)  # type: ignore[arg-type]
        assert rungs == sorted(rungs) and rungs[-1] < iterations
        if evaluations >= 10 and iterations >= evaluations:
            assert rungs[-1] == pytest.approx(iterations / 2, abs=1 + iterations / evaluations)


def test_without_evaluations_on_the_way_nothing_can_be_pruned() -> None:
    with pytest.raises(UsageError, match="num_evals is 1"):
        rung_iteration(with_values(RunConfig(env_id="CartPole-v1"), {"num_evals": 1}), 0.5)
