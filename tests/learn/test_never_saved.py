"""A state with a number that is not finite ends the run before it is saved, wherever the number is."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.run_outcome import newest_checkpoint
from helpers.small_runs import config_of, start

from ppo_cli.learn import trainer

POISONED_IN = 3


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("params", "parameters"),
        ("exp_avg", "Adam's mean"),
        ("exp_avg_sq", "Adam's variance"),
        ("mean", "the mean of the observations"),
        ("var", "the variance of the observations"),
    ],
)
def test_no_checkpoint_holds_it_and_the_reason_names_the_place(
    place: str, words: str, value: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = trainer.update_statistics

    def poison(state: Any, rollout: Any) -> None:
        real(state, rollout)
        if state.iteration == POISONED_IN - 1:
            owner = state.learner.statistics if place in ("mean", "var") else state.learner.agent
            getattr(owner, place)[0, 0] = value

    monkeypatch.setattr(trainer, "update_statistics", poison)
    monkeypatch.setattr(trainer, "CHECKPOINT_SHARE", math.inf)  # a checkpoint after each iteration
    run = start(config_of("CartPole-v1", "normalize_obs=true"), tmp_path)
    summary = run.read_summary() or {}
    assert summary["status"] == "diverged"
    assert summary["reason"].startswith(words), summary["reason"]
    assert summary["reason"].endswith(f"became non-finite, in iteration {POISONED_IN}")
    checkpoint = newest_checkpoint(run.path)
    assert checkpoint.iteration == POISONED_IN - 1
    assert all(np.isfinite(tensor).all() for tensor in checkpoint.tensors.values())
