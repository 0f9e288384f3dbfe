"""``ppo_cli.train``: what ``ppo train`` does, called from Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.cli_runner import inside
from helpers.run_folders import make_run

from ppo_cli import load_runs, train
from ppo_cli.api.train import Hooks
from ppo_cli.errors import StorageError, UsageError

TINY: dict[str, Any] = {
    "total_timesteps": 128, "num_envs": 2, "num_steps": 32, "num_minibatches": 2, "num_evals": 1,
    "eval_episodes": 2, "final_eval_episodes": 3, "hidden_sizes": [8],
}  # fmt: skip
WORDS = [word for name, value in TINY.items() for word in ("--set", f"{name}={value}")]
OF_THE_MACHINE = ("wall_time", "steps_per_second", "command", "git_commit")


def without_times(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in run.items() if key not in OF_THE_MACHINE} for run in runs]


def test_the_function_and_the_command_give_equal_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "typed").mkdir()
    (tmp_path / "called").mkdir()
    words = ("train", "--env", "CartPole-v1", "--algorithm", "ppo-kl", "--seeds", "2", "--seed", "5")
    typed = inside(*words, *WORDS, "--json", cwd=tmp_path / "typed").json["runs"]
    monkeypatch.chdir(tmp_path / "called")
    called = train("CartPole-v1", algorithm="ppo-kl", seeds=2, seed=5, **TINY)
    assert without_times(called) == without_times(typed)
    assert [(run["seed"], run["status"]) for run in called] == [(5, "completed"), (6, "completed")]
    assert called[0]["command"].startswith("ppo_cli.train(env='CartPole-v1', seeds=2, algorithm='ppo-kl'")


def test_a_resumed_run_goes_on_and_keeps_its_settings(runs_dir: Path) -> None:
    (first,) = train("CartPole-v1", name="a", **TINY)
    with pytest.warns(UserWarning, match="anneal_lr spreads the learning rate over the longer training"):
        (longer,) = train(resume="a", total_timesteps=256.0)
    assert (first["global_step"], longer["global_step"]) == (128, 256)
    with pytest.raises(UsageError, match="resume cannot be combined with seeds, gamma"):
        train(resume="a", seeds=2, gamma=0.9)
    with pytest.raises(UsageError, match=r"total_timesteps: 1\.5 is not allowed"):
        train(resume=load_runs("a"), total_timesteps=1.5)


def test_settings_of_another_run_can_be_trained_with_again(runs_dir: Path) -> None:
    train("CartPole-v1", name="a", gamma=0.9, **TINY)
    (again,) = train(config=load_runs("a")[0].config, name="b", seed=3)
    before, after = (run.config for run in load_runs("a", "b"))
    assert after.learning.gamma == 0.9 and after.model_copy(update={"seed": 1}) == before
    assert again["seed"] == 3


def test_a_file_of_settings_can_be_trained_with(runs_dir: Path) -> None:
    Path("mine.yaml").write_text("gamma: 0.9\neps_clip: 0.3\n")
    train("CartPole-v1", config="mine.yaml", eps_clip=0.4, name="a", **TINY)
    learning = load_runs("a")[0].config.learning
    assert (learning.gamma, learning.eps_clip) == (0.9, 0.4)


def test_wrong_settings_are_refused_in_words_with_a_hint(runs_dir: Path) -> None:
    with pytest.raises(UsageError, match="settings: clip_range: unknown setting") as caught:
        train("CartPole-v1", clip_range=0.3)
    assert caught.value.__notes__ == [f"hint: {caught.value.hint}"] and "eps_clip" in str(caught.value.hint)
    with pytest.raises(UsageError, match=r"learning\.gamma: 2 is not allowed; expected number"):
        train("CartPole-v1", gamma=2)
    with pytest.raises(UsageError, match="no environment given"):
        train(gamma=0.9)
    with pytest.raises(UsageError, match="0 seeds"):
        train("CartPole-v1", seeds=0)
    assert list(runs_dir.iterdir()) == []


def test_notices_are_warnings_where_it_is_called(runs_dir: Path) -> None:
    with pytest.warns(UserWarning, match="running Pendulum-v1") as caught:
        train("Pendulum-v0", **{**TINY, "num_evals": 0, "final_eval_episodes": 1})
    assert [warning.filename for warning in caught if "Pendulum" in str(warning.message)] == [__file__]


def test_a_caller_that_asks_for_a_stop_gets_interrupted_runs(runs_dir: Path) -> None:
    answers = iter([False])
    (run,) = train("CartPole-v1", hooks=Hooks(stop=lambda: next(answers, True)), **TINY)
    assert run["status"] == "interrupted" and 0 <= run["global_step"] < 128
    (resumed,) = train(resume="latest")
    assert resumed["status"] == "completed" and resumed["global_step"] == 128


def test_each_run_of_one_name_has_its_own_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ppo_cli.learn.iteration_report import IterationReport, MemberReport
    from ppo_cli.runs.run_dir import RunDir

    runs = {"diverged": tmp_path / "a" / "same", "completed": tmp_path / "b" / "same"}
    for path in runs.values():
        make_run(path.parent, path.name, seed=1, status="interrupted", versions={})
    reports = tuple(
        MemberReport("same", RunDir(path), 1, status, None, {}, None, None, None)
        for status, path in runs.items()
    )
    last = IterationReport(1, 1, 64, 64, 1.0, 64.0, {}, reports, ())
    monkeypatch.setattr("ppo_cli.learn.trainer.train", lambda *args, **options: iter([last]))
    with pytest.warns(UserWarning, match="no checkpoint"):
        documents = train(resume=list(runs.values()))
    assert [run["status"] for run in documents] == ["diverged", "completed"]


def test_a_full_disk_says_how_to_go_on(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **options: object) -> None:
        raise StorageError("cannot write x: No space left on device", hint="Free some space.")

    monkeypatch.setattr("ppo_cli.learn.trainer.train_iteration", full)
    with pytest.raises(StorageError) as caught:
        train("CartPole-v1", name="a", **TINY)
    assert caught.value.hint == "Free some space. Then go on: ppo train --resume runs/a"
