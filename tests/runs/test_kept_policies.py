"""``keep_policies``: which are kept, that a resumed run has the same ones, that links are not followed."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from helpers.cli_runner import TINY, inside
from hypothesis import given
from hypothesis import strategies as st

from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.errors import CorruptFileError
from ppo_cli.learn.trainer import train
from ppo_cli.play.policy import Policy
from ppo_cli.prepare.footprint import disk_bytes
from ppo_cli.prepare.launch import prepare_new, prepare_resume
from ppo_cli.runs.kept_policies import keep_due, kept_policies
from ppo_cli.runs.run_dir import RunDir

NAME = "CartPole-v1-ppo-clip-s1"


@given(st.integers(1, 2000), st.integers(0, 60))
def test_as_many_are_kept_as_asked_for_evenly_spaced(num_iterations: int, number: int) -> None:
    due = [k for k in range(num_iterations + 1) if keep_due(k, num_iterations, number)]
    assert len(due) == min(number, num_iterations + 1)
    if number:
        assert due[-1] == num_iterations
    if number > 1:
        gaps = {after - before for before, after in pairwise(due)}
        assert due[0] == 0 and max(gaps) - min(gaps) <= 1


def config(**values: object) -> RunConfig:
    small = {
        "num_envs": 2, "num_steps": 16, "num_minibatches": 2, "num_evals": 0, "final_eval_episodes": 0,
        "hidden_sizes": (8,), "total_timesteps": 8 * 32, "keep_policies": 5,
    }  # fmt: skip
    return with_values(RunConfig(env_id="CartPole-v1"), small | values)


def begin(runs_dir: Path, until: int | None = None, **values: object) -> RunDir:
    """Train a run of eight iterations, to its end or until an iteration."""
    (population,) = prepare_new(
        [config(**values)], runs_dir=runs_dir, name=None, env_requested="CartPole-v1", command=""
    )
    for _ in train(population, until=until):
        pass
    (member,) = population.members
    assert member.run_dir is not None
    return member.run_dir


def resume(run: RunDir, until: int | None = None, total_timesteps: int | None = None) -> None:
    (population,) = prepare_resume([str(run.path)], runs_dir=run.path.parent, total_timesteps=total_timesteps)
    for _ in train(population, until=until):
        pass


def files_of(run: RunDir) -> dict[int, bytes]:
    return {kept.steps: kept.path.read_bytes() for kept in kept_policies(run)}


def test_the_untrained_and_the_last_policy_are_among_them(tmp_path: Path) -> None:
    run = begin(tmp_path)
    files = files_of(run)
    assert list(files) == [0, 64, 128, 192, 256]
    assert files[256] == run.policy_path.read_bytes() != files[0]
    assert len(set(files.values())) == 5
    for kept in kept_policies(run):
        assert Policy.load(kept.path).shape.spec.env_id == "CartPole-v1"


def test_none_are_kept_unless_asked_for(tmp_path: Path) -> None:
    run = begin(tmp_path, keep_policies=0)
    assert not run.policies_path.exists() and kept_policies(run) == []


def test_keeping_them_changes_nothing_else(tmp_path: Path) -> None:
    with_them, without = begin(tmp_path / "a"), begin(tmp_path / "b", keep_policies=0)
    assert with_them.policy_path.read_bytes() == without.policy_path.read_bytes()


@pytest.mark.parametrize("until", [1, 4, 5])
def test_a_resumed_run_has_the_same_ones(until: int, tmp_path: Path) -> None:
    whole = files_of(begin(tmp_path / "whole"))
    run = begin(tmp_path / "parts", until)
    assert files_of(run) == {steps: data for steps, data in whole.items() if steps <= 32 * until}
    resume(run)
    assert files_of(run) == whole


def test_what_was_kept_after_the_checkpoint_is_trained_again(tmp_path: Path) -> None:
    whole = files_of(begin(tmp_path / "whole"))
    run = begin(tmp_path / "parts", 3)
    future = run.policies_path / "step-000000000192.safetensors"
    future.write_bytes(b"kept by a process that was killed before its checkpoint")
    half = run.policies_path / ".step-000000000128.safetensors.1.tmp"
    half.write_bytes(b"half")
    resume(run, until=4)
    assert not future.exists() and not half.exists()
    resume(run)
    assert files_of(run) == whole


def test_a_longer_training_keeps_what_was_kept(tmp_path: Path) -> None:
    run = begin(tmp_path)
    before = files_of(run)
    resume(run, total_timesteps=512)
    after = files_of(run)
    assert list(after) == [0, 64, 128, 192, 256, 384, 512]
    assert before.items() <= after.items()


def test_the_setting_does_not_bind_a_resumed_run(tmp_path: Path) -> None:
    run = begin(tmp_path, 3)
    run.write_config(run.config_path.read_text().replace("keep_policies: 5", "keep_policies: 0"))
    assert "keep_policies: 5" not in run.config_path.read_text()
    resume(run)
    assert list(files_of(run)) == [0, 64]


def test_each_member_of_a_population_keeps_its_own(tmp_path: Path) -> None:
    args = ("train", *TINY, "--set", "keep_policies=2")
    assert inside(*args, "--seeds", "2", cwd=tmp_path).code == 0
    assert inside(*args, "--runs-dir", "alone", cwd=tmp_path).code == 0
    first = files_of(RunDir(tmp_path / "runs" / NAME))
    assert first == files_of(RunDir(tmp_path / "alone" / NAME)), "as when it is trained alone"
    assert first != files_of(RunDir(tmp_path / "runs" / NAME.replace("s1", "s2")))


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    run = begin(tmp_path / "runs", 1)
    for path in run.policies_path.iterdir():
        path.unlink()
    run.policies_path.rmdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("step-000000009999.safetensors", ".mine.tmp"):
        (elsewhere / name).write_bytes(b"mine")
    run.policies_path.symlink_to(elsewhere)
    with pytest.raises(CorruptFileError):
        resume(run)
    assert len(list(elsewhere.iterdir())) == 2
    with pytest.raises(CorruptFileError):
        kept_policies(run)


def test_the_estimate_of_disk_space_counts_them(tmp_path: Path) -> None:
    extra = disk_bytes(config()) - disk_bytes(config(keep_policies=0))
    run = begin(tmp_path)
    assert sum(len(data) for data in files_of(run).values()) <= extra < 50_000
    assert disk_bytes(config(keep_policies=1000)) == disk_bytes(config(keep_policies=9)), "one per iteration"


def test_show_lists_them(tmp_path: Path) -> None:
    assert inside("train", *TINY, "--set", "keep_policies=2", cwd=tmp_path).code == 0
    shown = inside("show", NAME, cwd=tmp_path)
    assert "policies/" in shown.stdout and "--progress" in shown.stdout
    files = {
        entry["name"]: entry["bytes"] for entry in inside("show", NAME, "--json", cwd=tmp_path).json["files"]
    }
    kept = files_of(RunDir(tmp_path / "runs" / NAME))
    assert files["policies/"] == sum(len(data) for data in kept.values()) > 0
