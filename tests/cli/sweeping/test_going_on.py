"""The same command again, and ``ppo sweep --resume``."""

from __future__ import annotations

import os
import shlex
import signal
from pathlib import Path
from typing import Any

import pytest
from helpers.cli_runner import inside
from helpers.sweep_commands import CARTPOLE, CLIPS, NAME, one_line, trained
from helpers.sweep_helpers import InProcess, sweep_files, train_in_process

from ppo_cli.cli.terminal import signals
from ppo_cli.cli.terminal.signals import Stop
from ppo_cli.learn import trainer
from ppo_cli.learn.population_state import PopulationState
from ppo_cli.sweeps.folder.sweep_dir import SweepDir


def test_the_same_command_again_trains_nothing_and_prints_the_same(
    swept: Path, executors: list[InProcess]
) -> None:
    before = sweep_files(swept / "runs" / NAME)
    first, second = inside(*CLIPS, cwd=swept), inside("sweep", "--resume", NAME, cwd=swept)
    assert (first.code, second.code) == (0, 0) and first.stdout == second.stdout
    assert f"{NAME} is there: what it holds is not trained again" in one_line(first.stderr)
    assert [executor.jobs for executor in executors] == [[], []], "nor is anything measured"
    assert sweep_files(swept / "runs" / NAME) == before


def test_more_values_and_seeds_are_trained_and_the_rest_is_kept(
    tmp_path: Path, executors: list[InProcess]
) -> None:
    assert inside(*CLIPS, "--seeds", "1", "--quiet", cwd=tmp_path).code == 0
    more = (*CARTPOLE, "--param", "eps_clip=0.2", "--quiet", "--json")
    document = inside(*more, cwd=tmp_path).json
    assert sorted(trained(executors[1])) == [
        "eps_clip=0.1-s2", "eps_clip=0.2-s1", "eps_clip=0.2-s2", "eps_clip=0.3-s2",
    ]  # fmt: skip
    assert [(point["point"]["eps_clip"], point["n_seeds"]) for point in document["points"]] == [
        (0.1, 2), (0.2, 2), (0.3, 2),
    ]  # fmt: skip


def test_the_sweep_file_of_a_folder_goes_on_in_that_folder(swept: Path, executors: list[InProcess]) -> None:
    result = inside("sweep", f"runs/{NAME}/sweep.yaml", "--json", cwd=swept)
    assert result.code == 0, result.stderr
    assert result.json["sweep_dir"] == f"runs/{NAME}" and executors[0].jobs == []


def test_a_sweep_is_resumed_by_name_beginning_path_and_latest(swept: Path) -> None:
    for ref in (NAME, "CartPole-v1-eps", f"runs/{NAME}", "latest"):
        result = inside("sweep", "--resume", ref, "--json", cwd=swept)
        assert result.code == 0 and len(result.json["runs"]) == 4, ref
    missing = inside("sweep", "--resume", "CartPole-v1-esp", cwd=swept)
    assert missing.code == 2 and NAME in missing.stderr


def test_a_resumed_sweep_takes_no_settings(swept: Path) -> None:
    for option in (("--seeds", "3"), ("--param", "gamma=0.9"), ("--total-timesteps", "9"), ("--name", "x")):
        result = inside("sweep", "--resume", NAME, *option, cwd=swept)
        assert result.code == 2 and "takes no settings" in one_line(result.stderr), option


def test_another_sweep_gets_a_name_of_its_own_unless_one_is_typed(tmp_path: Path) -> None:
    shorter = ("--total-timesteps", "32", "--quiet")
    assert inside(*CLIPS, *shorter, cwd=tmp_path).code == 0
    assert inside(*CLIPS, *shorter, "--set", "gamma=0.5", cwd=tmp_path).code == 0
    refused = inside(*CLIPS, *shorter, "--set", "gamma=0.7", "--name", NAME, cwd=tmp_path)
    assert refused.code == 2
    assert "learning.gamma of CartPole-v1 is 0.98 here and 0.7 there" in one_line(refused.stderr)
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [NAME, f"{NAME}-2"]
    assert inside(*CLIPS, *shorter, "--name", "mine", cwd=tmp_path).code == 0
    assert (tmp_path / "runs" / "mine" / "results.csv").exists()


def test_a_second_process_on_one_sweep_is_refused(swept: Path) -> None:
    with SweepDir(swept / "runs" / NAME).lock():
        for words in (CLIPS, ("sweep", "--resume", NAME)):
            result = inside(*words, cwd=swept)
            assert result.code == 4 and str(os.getpid()) in result.stderr and f"sweep {NAME}" in result.stderr


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_with_checkpoints_and_the_printed_command_goes_on(
    signum: signal.Signals, code: int, swept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    iterations: list[int] = []
    train_iteration = trainer.train_iteration

    def interrupted(state: PopulationState, stop: Any) -> bool:
        iterations.append(state.iteration)
        if len(iterations) == 3:
            os.kill(os.getpid(), signum)
        return train_iteration(state, stop)

    stops: list[Stop] = []

    class Remembered(Stop):
        def __init__(self) -> None:
            super().__init__()
            stops.append(self)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "train_iteration", interrupted)
        patch.setattr(signals, "Stop", Remembered)
        train_in_process(patch, stop=lambda: stops[-1]())
        result = inside(*CLIPS, "--quiet", cwd=tmp_path)
    assert result.code == code and iterations == [0, 1, 2]
    assert "stopped; the checkpoints are saved" in one_line(result.stderr) and "eps_clip" in result.stdout
    (command,) = (line.strip() for line in result.stderr.splitlines() if line.startswith("  ppo sweep"))
    document = inside(*shlex.split(command)[1:], "--quiet", "--json", cwd=tmp_path).json
    assert {run["status"] for run in document["runs"]} == {"completed"}
    assert sweep_files(tmp_path / "runs" / NAME) == sweep_files(swept / "runs" / NAME)
