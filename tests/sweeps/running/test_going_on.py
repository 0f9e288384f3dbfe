"""Sweeps that are stopped or killed at any moment, and go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.file_faults import Killed
from helpers.sweep_helpers import (
    RATES,
    Reference,
    StopAfter,
    killed_somewhere,
    runner_of,
    sweep,
    sweep_files,
    tiny_spec,
)

from ppo_cli.learn.recorder import Recorder
from ppo_cli.prepare.launch import prepare_in_folder
from ppo_cli.runs.checkpoints import checkpoint_iterations
from ppo_cli.sweeps.running.runner import SweepRunner
from ppo_cli.sweeps.spec.planned_runs import planned_runs


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.8])
def test_a_sweep_that_is_stopped_at_any_moment_goes_on_to_the_same_bits(
    share: float, undisturbed: Reference, tmp_path: Path, every_iteration: None
) -> None:
    stopped = sweep(tiny_spec(RATES), tmp_path, stop=undisturbed.stop_at(share))
    assert set(stopped.statuses.values()) != {"completed"} and stopped.reports[-1].stage == "stopped"
    assert json.loads((stopped.folder / "summary.json").read_text())["status"] == "incomplete"
    done = {name for name, status in stopped.statuses.items() if status == "completed"}
    again = sweep(tiny_spec(RATES), tmp_path)
    assert set(again.executor.trained) == set(again.statuses) - done
    assert sweep_files(again.folder) == undisturbed.files


@pytest.mark.parametrize("seed", range(4))
def test_a_sweep_that_is_killed_at_any_moment_goes_on_to_the_same_bits(
    seed: int, undisturbed: Reference, tmp_path: Path, every_iteration: None
) -> None:
    done = killed_somewhere(tiny_spec(RATES), tmp_path, undisturbed.operations, seed)
    again = sweep(tiny_spec(RATES), tmp_path)
    assert set(again.executor.trained) == set(again.statuses) - done
    assert sweep_files(again.folder) == undisturbed.files
    assert [path.name for path in tmp_path.rglob("*") if "tmp" in path.name.lower()] == []


def killed_between_checkpoints(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> SweepRunner:
    """A sweep of four runs, killed when two of them had their third checkpoint and two had not."""
    save, saved = Recorder.save_checkpoint, [0]

    def checkpoint(*args: Any) -> None:
        saved[0] += 1
        if saved[0] == 4 + 4 + 2 + 1:
            raise Killed
        save(*args)

    runner = runner_of(tiny_spec(RATES), runs_dir)
    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "save_checkpoint", checkpoint)
        with pytest.raises(Killed):
            list(runner.run())
    return runner


def test_members_that_are_one_checkpoint_apart_go_on_as_one_population(
    undisturbed: Reference, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every_iteration: None
) -> None:
    runner = killed_between_checkpoints(tmp_path, monkeypatch)
    configs = {run.name: run.config for run in planned_runs(runner.spec)}
    folder = runner.folder
    assert [checkpoint_iterations(folder.run(name)) for name in configs] == [[3, 2], [3, 2], [2, 1], [2, 1]]
    (population,) = prepare_in_folder(configs, folder.path, env_requested="", command="")
    assert [member.iteration for member in population.members] == [2, 2, 2, 2]
    assert sweep_files(sweep(tiny_spec(RATES), tmp_path).folder) == undisturbed.files


def test_a_member_whose_older_checkpoint_is_damaged_does_not_go_back_to_it(
    undisturbed: Reference, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every_iteration: None
) -> None:
    runner = killed_between_checkpoints(tmp_path, monkeypatch)
    configs = {run.name: run.config for run in planned_runs(runner.spec)}
    first = runner.folder.run(next(iter(configs)))
    (first.checkpoints_path / "it-000002" / "state.safetensors").write_bytes(b"damaged")
    populations = prepare_in_folder(configs, runner.folder.path, env_requested="", command="")
    assert sorted(population.members[0].iteration for population in populations) == [2, 3]
    assert sweep_files(sweep(tiny_spec(RATES), tmp_path).folder) == undisturbed.files


def test_a_run_that_was_made_with_other_settings_is_not_taken_for_the_sweeps(tmp_path: Path) -> None:
    stopped = sweep(tiny_spec(RATES), tmp_path, stop=StopAfter(3))
    run = stopped.folder / "learning_rate=0.03-s2"
    text = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(text.replace("learning_rate: 0.03", "learning_rate: 0.02"))
    again = sweep(tiny_spec(RATES), tmp_path)
    assert [name for name, status in again.statuses.items() if status != "completed"] == [run.name]
    assert "learning.learning_rate 0.02, not 0.03" in str(again.reasons[run.name])
