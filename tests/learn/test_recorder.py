"""What is on the disk while a run is going on, and when it ends badly."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from helpers.training_helpers import make_config

from ppo_cli.errors import CorruptFileError, StorageError, UsageError
from ppo_cli.learn import trainer
from ppo_cli.learn.population import Population
from ppo_cli.prepare.launch import prepare_new, prepare_resume
from ppo_cli.runs.run_dir import RunDir


@pytest.fixture
def new_run(tmp_path: Path) -> Population:
    config = make_config(
        "CartPole-v1", 1, total_timesteps=16 * 8 * 4, num_envs=8, num_steps=16, num_minibatches=4
    )
    (population,) = prepare_new([config], runs_dir=tmp_path, name="x", env_requested="", command="")
    return population


def test_every_iteration_is_on_the_disk_when_it_is_reported(
    new_run: Population, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "CHECKPOINT_SHARE", 1e-9)  # no checkpoint between the first and the last
    metrics = tmp_path / "x" / "metrics.csv"
    for report in trainer.train(new_run):
        assert len(metrics.read_text().splitlines()) == 1 + report.iteration


def test_a_run_that_fails_says_so_and_why(
    new_run: Population, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the pole fell off")

    monkeypatch.setattr(trainer, "learn", broken)
    with pytest.raises(RuntimeError):
        list(trainer.train(new_run))
    summary = RunDir(tmp_path / "x").read_summary()
    assert summary is not None
    assert (summary["status"], summary["reason"]) == ("failed", "the pole fell off")


@pytest.mark.parametrize(
    ("line", "changed", "key"),
    [
        ("num_envs: 8", "num_envs: 16", "rollout.num_envs"),
        ("seed: 1", "seed: 2", "seed"),
        ("gamma: 0.99", "gamma: 0.9", "learning.gamma"),
    ],
)
def test_settings_that_were_edited_since_are_refused_by_name(
    new_run: Population, tmp_path: Path, line: str, changed: str, key: str
) -> None:
    next(iter(trainer.train(new_run, stop=lambda: True)))
    path = tmp_path / "x" / "config.yaml"
    text = path.read_text()
    assert line in text
    path.write_text(text.replace(line, changed))
    (population,) = prepare_resume(["x"], runs_dir=tmp_path, total_timesteps=None)
    with pytest.raises(UsageError, match="when the run was started") as error:
        list(trainer.train(population))
    assert error.value.key == key


def test_a_checkpoint_that_lacks_something_is_corrupt_not_a_bug(new_run: Population, tmp_path: Path) -> None:
    next(iter(trainer.train(new_run, stop=lambda: True)))
    (population,) = prepare_resume(["x"], runs_dir=tmp_path, total_timesteps=None)
    (member,) = population.members
    assert member.checkpoint is not None
    del member.checkpoint.tensors["exp_avg"]
    with pytest.raises(CorruptFileError, match="does not fit its settings"):
        list(trainer.train(population))


def test_a_metric_without_a_value_is_an_empty_cell(new_run: Population, tmp_path: Path) -> None:
    report = list(trainer.train(new_run))[-1]
    assert math.isnan(report.members[0].metrics["train/std"])
    header, *rows = (tmp_path / "x" / "metrics.csv").read_text().splitlines()
    column = header.split(",").index("train/std")
    assert {row.split(",")[column] for row in rows} == {""}


@pytest.mark.parametrize("other", ["a folder", "a link"])
def test_a_run_does_not_write_into_what_has_taken_its_place(
    other: str, new_run: Population, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "CHECKPOINT_SHARE", math.inf)  # a checkpoint after each iteration
    reports = trainer.train(new_run)
    next(reports)
    (tmp_path / "x").rename(tmp_path / "moved")
    elsewhere = tmp_path / ("x" if other == "a folder" else "elsewhere")
    elsewhere.mkdir()
    if other == "a link":
        (tmp_path / "x").symlink_to(elsewhere)
    with pytest.raises(StorageError, match="moved or replaced"):
        list(reports)
    assert list(elsewhere.iterdir()) == []
