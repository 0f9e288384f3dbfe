"""Each diagnosis finds its illness, in logs made by hand and in runs that have it; otherwise it is silent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ppo_cli import train
from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.diagnosis.diagnose import DIAGNOSES, diagnose, diagnose_run
from ppo_cli.diagnosis.logs import RunLogs
from ppo_cli.runs.run_dir import RunDir

ITERATIONS = 100
FLAT, UP = np.ones(ITERATIONS), np.linspace(0.0, 1.0, ITERATIONS)
LEARNED = np.minimum(1.0, 2 * UP)
EARLY = np.where(UP < 0.1, 1.0, 0.0)
LATE_FALL = np.where(UP < 0.6, UP / 0.6, 0.1)


def logs(
    columns: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    evaluations: Mapping[str, Any] | None = None,
    final: Mapping[str, Any] | None = None,
    done: int = ITERATIONS,
) -> RunLogs:
    """The logs of a run in good health, but for what a test says."""
    given = {"env_id": "CartPole-v1", "num_envs": 8, "num_steps": 128, "total_timesteps": 1024 * ITERATIONS}
    config = with_values(RunConfig(env_id="CartPole-v1"), {**given, **(settings or {})})
    healthy = {
        "global_step": 1024 * np.arange(1, ITERATIONS + 1),
        "rollout/episode_return": 20 + 400 * LEARNED,
        "rollout/shaped_return": 20 + 400 * LEARNED,
        "rollout/episodes": np.arange(1, ITERATIONS + 1),
        "train/entropy": 0.69 - 0.3 * UP,
        "train/approx_kl": 0.01 * FLAT,
        "train/clip_fraction": 0.1 * FLAT,
        "train/grad_norm": FLAT,
        "train/learning_rate": 1e-3 * (1 - UP),
        "train/value_loss": 10 * FLAT,
        "train/explained_variance": 0.9 * UP,
        "train/std": math.nan * FLAT,
    }
    metrics = {name: np.asarray(values)[:done] for name, values in {**healthy, **(columns or {})}.items()}
    asarrays = {name: np.asarray(values, dtype=float) for name, values in (evaluations or {}).items()}
    return RunLogs(config, metrics, asarrays, final or {})


STANDS = {"train/approx_kl": 0 * FLAT, "rollout/episode_return": 20 * FLAT}
SHAPED = {"mode": "add", "position": 1.0, "pole_angle": 1.0}
ILLNESSES: dict[str, list[RunLogs]] = {
    "policy_does_not_move": [
        logs({**STANDS, "train/grad_norm": 1e6 * FLAT}),
        logs(STANDS, {"learning_rate": 1e-9}),
        logs({**STANDS, "train/approx_kl": -1e-8 * FLAT}, done=30),
    ],
    "entropy_collapsed": [
        logs({"train/entropy": 0.69 * EARLY, "rollout/episode_return": 9 + EARLY}),
        logs({"train/entropy": 0.69 * EARLY, "rollout/episode_return": 9 + EARLY}, done=50),
    ],
    "policy_moves_too_far": [
        logs({"train/approx_kl": 0.5 * FLAT}),
        logs({"train/clip_fraction": 0.8 * FLAT}),
    ],
    "critic_explains_nothing": [logs({"train/explained_variance": -0.1 * FLAT})],
    "rewards_too_large": [logs({"train/explained_variance": 0 * FLAT, "train/value_loss": 1e6 * FLAT})],
    "one_term_rules": [logs({"reward/position": 1e5 * UP, "reward/pole_angle": UP}, SHAPED)],
    "a_term_never_changes": [logs({"reward/position": UP, "reward/pole_angle": 0 * FLAT}, SHAPED)],
    "shaped_parts_from_true": [logs({"rollout/episode_return": 100 * (1 - UP)}, SHAPED)],
    "learned_parts_from_true": [
        logs(
            {"rollout/episode_return": 100 * (1 - UP), "rollout/learned_return": 40 * UP},
            {"reward_model": "mine"},
        )
    ],
    "mostly_waiting": [
        logs({"train/used": 0.04 * FLAT, "rollout/episode_return": 20 * FLAT}),
        logs({"train/used": 0 * FLAT, "rollout/episode_return": 20 + 400 * UP}),
    ],
    "returns_fell": [logs({"rollout/episode_return": 400 * LATE_FALL})],
    "evaluation_parts_from_training": [
        logs(evaluations={"global_step": 1024 * np.array([60, 80, 100]), "mean": [10, 9, 9]})
    ],
    "still_rising": [logs({"rollout/episode_return": 400 * UP})],
    "episodes_never_end": [
        logs({"rollout/episodes": 0 * FLAT, "rollout/episode_return": math.nan * FLAT}),
        logs(final={"cut": 3, "episodes": 10}),
    ],
}


@pytest.mark.parametrize("name", ILLNESSES)
def test_an_illness_is_found_with_its_numbers_and_what_to_try(name: str) -> None:
    for ill in ILLNESSES[name]:
        found = {finding.name: finding for finding in diagnose(ill)}
        assert name in found, list(found)
        finding = found[name]
        assert finding.sentence.endswith(".") and any(char.isdigit() for char in finding.evidence)
        assert finding.remedy and set(finding.to_json()) == {"name", "sentence", "evidence", "try"}


def test_a_healthy_run_has_nothing_at_any_moment() -> None:
    for done in range(ITERATIONS + 1):
        assert diagnose(logs(done=done)) == []
    assert len(DIAGNOSES) == len(ILLNESSES) - 1  # one of them has two names


def test_an_update_of_one_step_does_not_tell_whether_the_policy_moves() -> None:
    columns = STANDS
    assert [finding.name for finding in diagnose(logs(columns))] == ["policy_does_not_move"]
    assert diagnose(logs(columns, {"num_epochs": 1, "num_minibatches": 1})) == []
    assert diagnose(logs(columns, {"algorithm": "a2c"})) == []


def test_a_policy_that_is_stopped_in_its_first_updates_is_found_as_soon_as_one_that_never_moved() -> None:
    stopped = {"train/approx_kl": np.where(np.arange(ITERATIONS) < 5, 1e-4, 0.0)}
    stopped["rollout/episode_return"] = 20 * FLAT
    found = [[one.name for one in diagnose(logs(stopped, done=done))] for done in (19, 20, ITERATIONS)]
    assert found == [[], ["policy_does_not_move"], ["policy_does_not_move"]]


def test_of_a_policy_that_does_not_move_returns_say_nothing_more() -> None:
    columns = {"train/approx_kl": 0 * FLAT, "rollout/episode_return": 400 * LATE_FALL}
    assert [finding.name for finding in diagnose(logs(columns))] == ["policy_does_not_move"]


def test_where_all_episodes_are_as_good_as_they_can_be_there_is_nothing_left_to_use() -> None:
    assert diagnose(logs({"train/used": 1 - LEARNED})) == []
    assert (
        diagnose(logs({"train/approx_kl": 0 * FLAT, "rollout/episode_return": 10 + 0 * LEARNED + (UP > 0.1)}))
        == []
    )


@pytest.mark.parametrize("seed", range(20))
def test_chance_is_no_illness(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(size=ITERATIONS)
    for returns in (noise, 100 * LEARNED + 30 * noise):
        assert diagnose(logs({"rollout/episode_return": returns})) == []


def test_what_rises_only_as_the_rate_falls_to_zero_does_not_ask_for_more_steps() -> None:
    late = {"rollout/episode_return": 100 * np.minimum(1, 3 * UP) + 100 * np.maximum(0, 5 * UP - 4)}
    assert diagnose(logs(late)) == []
    assert [finding.name for finding in diagnose(logs(late, {"anneal_lr": False}))] == ["still_rising"]


def test_a_clip_that_takes_all_is_told_with_the_scale_that_helps() -> None:
    columns = {**STANDS, "train/grad_norm": 1e6 * FLAT, "train/value_loss": 1e7 * FLAT}
    (finding, *_) = diagnose(logs(columns))
    assert "clipping takes nearly all" in finding.sentence and "reward_scale=0.001" in finding.remedy


QUICK: dict[str, Any] = {
    "env": "CartPole-v1", "num_envs": 4, "num_steps": 32, "num_minibatches": 2, "num_epochs": 2,
    "num_evals": 0, "final_eval_episodes": 2, "hidden_sizes": [8], "total_timesteps": 128 * 40,
    "algorithm": "ppo-clip",
}  # fmt: skip


@pytest.mark.slow
def test_the_shipped_settings_are_healthy_on_cartpole(runs_dir: Path) -> None:
    (run,) = train("CartPole-v1", runs_dir=runs_dir, name="a", num_evals=4, final_eval_episodes=10)
    assert run["diagnosis"] == []


def test_an_illness_is_told_once_while_it_trains(runs_dir: Path) -> None:
    with pytest.warns(UserWarning, match="The policy does not move") as told:
        train(runs_dir=runs_dir, name="a", **{**QUICK, "learning_rate": 1e-9})
    assert sum("does not move" in str(one.message) for one in told) == 1


def test_a_folder_that_cannot_be_read_has_no_findings(tmp_path: Path) -> None:
    assert diagnose_run(RunDir(tmp_path / "none")) == []
