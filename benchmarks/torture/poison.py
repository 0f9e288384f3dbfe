"""T13. NaN, infinity and the largest number, everywhere: none is ever saved, and the place is named."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from helpers.cli_runner import inside
from helpers.run_outcome import newest_checkpoint

from ppo_cli.learn import trainer
from ppo_cli.play.policy import load_policy
from torture.unit import Landed, Units, Work, checked

VALUES = {"NaN": math.nan, "infinity": math.inf, "the largest number": 1e308}
ENVS = ("CartPole-v1", "Pendulum-v1", "LunarLander-v3")
AT = 3  # the iteration that is poisoned
SETTINGS = (
    "num_envs=4", "num_steps=16", "num_epochs=2", "num_minibatches=2", "hidden_sizes=[8]",
    "normalize_obs=true", "num_evals=2", "eval_episodes=1", "final_eval_episodes=1",
)  # fmt: skip


def _set(tensor: torch.Tensor, at: int, value: float) -> None:
    """Put a value, or the largest that there is of the type, in one place."""
    largest = torch.finfo(tensor.dtype).max
    tensor.view(-1)[min(at, tensor.numel() - 1)] = largest if math.isfinite(value) else value


def _of_rollout(name: str) -> Callable[[Any, Any, float], None]:
    def poison(state: Any, rollout: Any, value: float) -> None:
        _set(getattr(rollout, name), 5, value)

    return poison


def _of_agent(name: str) -> Callable[[Any, Any, float], None]:
    def poison(state: Any, rollout: Any, value: float) -> None:
        _set(getattr(state.learner.agent, name), 7, value)

    return poison


def _statistics(state: Any, rollout: Any, value: float) -> None:
    for tensor in vars(state.learner.statistics).values():
        if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
            _set(tensor, 0, value)
            return


def _all_parameters(state: Any, rollout: Any, value: float) -> None:
    for at in range(state.learner.agent.params.numel()):
        _set(state.learner.agent.params, at, value)


PLACES: dict[str, Callable[[Any, Any, float], None]] = {
    "an observation": _of_rollout("obs"),
    "an observation for the statistics": _of_rollout("raw_obs"),
    "a reward": _of_rollout("rewards"),
    "a parameter": _of_agent("params"),
    "all parameters": _all_parameters,
    "Adam's mean": _of_agent("exp_avg"),
    "Adam's variance": _of_agent("exp_avg_sq"),
    "Adam's count": _of_agent("adam_step"),
    "the statistics": _statistics,
}


def poisoned(env: str, place: str, value: float, engine: str, folder: Path) -> None:
    """Train, poison, and look at what is left."""
    words = ["train", "--env", env, "--json", "--total-timesteps", str(64 * 8), "--runs-dir", str(folder)]
    for setting in (*SETTINGS, f"engine={engine}"):
        words += ["--set", setting]
    real, reached = trainer.learn, []

    def learn(state: Any, rollout: Any) -> Any:
        if state.iteration == AT and not reached:
            reached.append(True)
            PLACES[place](state, rollout, value)
        return real(state, rollout)

    with (
        mock.patch.object(trainer, "learn", learn),
        mock.patch.object(trainer, "CHECKPOINT_SHARE", float("inf")),
    ):
        result = inside(*words, cwd=folder)
    said = f"{result.code}: {result.stdout[-300:]} {result.stderr[-300:]}"
    assert reached, "the place was not reached"
    assert result.code in (0, 2, 3) and "Traceback" not in result.stderr, said
    (run,) = json.loads(result.stdout)["runs"]
    path = Path(run["run_dir"])
    if result.code:
        summary = json.loads((path / "summary.json").read_text())
        assert summary["status"] in ("diverged", "failed") and summary["reason"], said
    for name, tensor in newest_checkpoint(path).tensors.items():
        assert np.isfinite(tensor).all(), f"{name} in the checkpoint, with exit code {result.code}"
    policy = load_policy(path)
    assert policy.params.isfinite().all() and policy.obs_mean.isfinite().all(), "the policy"
    assert policy.obs_var.isfinite().all(), "the statistics of the policy"


def run(case: str, seed: int, folder: Path) -> Landed:
    """All places and values in one environment."""
    env, _, engine = case.rpartition(" by ")
    landed = Landed()
    for place in PLACES:
        for name, value in VALUES.items():
            here = folder / f"{place}-{name}"
            here.mkdir()
            what = f"{case}: {name} in {place}"
            checked(landed, what, functools.partial(poisoned, env, place, value, engine, here))
    return landed


def units(quick: bool) -> Units:
    """Three environments, both engines."""
    for env in ENVS[: 1 if quick else None]:
        for engine in ("torch", "compiled"):
            yield f"{env} by {engine}", 1


POISON = Work(units, run)
