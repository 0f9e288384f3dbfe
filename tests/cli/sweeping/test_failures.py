"""Runs that are lost, disks that are full, files that are damaged: exit codes, and what to do."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from helpers.cli_runner import inside
from helpers.sweep_commands import CLIPS, NAME, TINY, one_line, trained
from helpers.sweep_helpers import FAULTY, InProcess

from ppo_cli.errors import StorageError
from ppo_cli.learn import trainer


def test_a_sweep_with_lost_runs_ends_with_6_says_why_and_can_try_them_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executors: list[InProcess]
) -> None:
    words = ("sweep", "--env", FAULTY, *TINY, "--seeds", "1", "--confirm", "0")
    result = inside(*words, "--param", "env_kwargs.fault=no,huge,raises", cwd=tmp_path)
    assert result.code == 6
    err = one_line(result.stderr)
    assert "env_kwargs.fault=huge-s1 diverged: " in err and "policy_loss became nan" in err
    assert "env_kwargs.fault=raises-s1 failed: Faulty-v0 failed in step" in err
    retry = f"ppo sweep --resume runs/{FAULTY}-env_kwargs.fault --retry-failed"
    assert retry in err and "Best: env_kwargs.fault=no" in result.stdout
    again = inside(*shlex.split(retry)[1:], "--json", cwd=tmp_path)
    assert again.code == 6 and len(again.json["failed"]) == 2
    for run in again.json["failed"]:
        assert set(run) >= {"run", "point", "seed", "status", "reason"} and run["reason"]
    monkeypatch.setenv("FAULTY_IS_CURED", "1")
    mended = inside(*shlex.split(retry)[1:], "--json", cwd=tmp_path)
    assert mended.code == 0 and mended.json["failed"] == []
    assert sorted(trained(executors[-1])) == ["env_kwargs.fault=huge-s1", "env_kwargs.fault=raises-s1"]


def test_when_every_run_is_lost_there_is_no_best_point(tmp_path: Path) -> None:
    words = ("sweep", "--env", FAULTY, *TINY, "--seeds", "2", "--param", "env_kwargs.fault=nan,raises")
    result = inside(*words, "--json", cwd=tmp_path)
    assert result.code == 6 and result.json["best"] is None and len(result.json["failed"]) == 4
    assert inside("sweep", "--resume", "latest", cwd=tmp_path).code == 6
    best = inside("train", "--from-sweep", "latest", cwd=tmp_path)
    assert best.code == 2 and "no best point" in one_line(best.stderr)


def test_a_disk_that_fills_up_ends_with_74_and_the_command_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **options: object) -> None:
        raise StorageError("cannot write x: No space left on device", hint="Free some space.")

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "train_iteration", full)
        result = inside(*CLIPS, "--quiet", cwd=tmp_path)
    assert result.code == 74
    hint = f"hint: Free some space. Then go on: ppo sweep --resume runs/{NAME}"
    assert "No space left" in result.stderr and hint in one_line(result.stderr)
    assert inside("sweep", "--resume", f"runs/{NAME}", "--quiet", cwd=tmp_path).code == 0


@pytest.mark.parametrize("place", ["a file", "inside a file", "/proc/ppo-runs"])
def test_a_runs_folder_that_cannot_be_ends_with_74_before_anything_is_trained(
    place: str, tmp_path: Path, executors: list[InProcess]
) -> None:
    file = tmp_path / "occupied"
    file.write_text("mine")
    runs_dir = {"a file": file, "inside a file": file / "runs"}.get(place, Path(place))
    result = inside(*CLIPS, "--runs-dir", str(runs_dir), "--json", cwd=tmp_path)
    assert result.code == 74 and str(runs_dir) in result.json["error"]["message"]
    assert executors == [] and file.read_text() == "mine"


def test_a_damaged_sweep_file_is_exit_code_5(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "bad"
    folder.mkdir(parents=True)
    (folder / "sweep.yaml").write_text("params: [")
    for words in (("show", "bad"), ("sweep", "--resume", "bad"), ("train", "--from-sweep", "bad")):
        result = inside(*words, cwd=tmp_path)
        assert result.code in (2, 5) and "sweep.yaml" in result.stderr and "Traceback" not in result.stderr
