"""``ppo_cli.sweep``: what ``ppo sweep`` does, called from Python."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.cli_runner import inside
from helpers.sweep_helpers import FAULTY, TINY, InProcess, sweep_files, train_in_process, unlucky

from ppo_cli import load_runs, sweep
from ppo_cli.api.sweep import Hooks
from ppo_cli.errors import StorageError, UsageError
from ppo_cli.learn import trainer
from ppo_cli.report import sweep_plots
from ppo_cli.report.sweep_plots import write_sweep_plots
from ppo_cli.sweeps.plan.plan import Plan

QUICK: dict[str, Any] = TINY | {"total_timesteps": 64, "num_evals": 2, "hidden_sizes": [8]}
WORDS = [word for name, value in QUICK.items() for word in ("--set", f"{name}={value}")]
OF_THE_MACHINE = ("wall_time", "steps_per_second", "command", "git_commit")


@pytest.fixture(autouse=True)
def executors(monkeypatch: pytest.MonkeyPatch) -> list[InProcess]:
    return train_in_process(monkeypatch)


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key not in OF_THE_MACHINE}
    return [without_times(item) for item in value] if isinstance(value, list) else value


def test_the_function_and_the_command_give_equal_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_plots, "write_sweep_plots", write_sweep_plots)
    for name in ("typed", "called"):
        (tmp_path / name).mkdir()
    words = ("sweep", "--env", "CartPole-v1", "--param", "eps_clip=0.1,0.3", "--seeds", "2", "--seed", "5")
    typed = inside(*words, "--confirm", "1", *WORDS, "--json", cwd=tmp_path / "typed").json
    monkeypatch.chdir(tmp_path / "called")
    called = sweep("CartPole-v1", {"eps_clip": [0.1, 0.3]}, seeds=2, confirm=1, seed=5, **QUICK)
    assert without_times(called) == without_times(typed)
    assert called["best"]["held_out"]["n_seeds"] == 1 and len(called["plots"]) == 2
    assert sweep_files(Path("runs")) == sweep_files(tmp_path / "typed" / "runs")
    (run, *_) = load_runs("CartPole-v1-eps_clip")
    assert run.summary["command"].startswith(
        "ppo_cli.sweep(env='CartPole-v1', params={'eps_clip': [0.1, 0.3]}, "
    )


@pytest.mark.parametrize(
    "params",
    [
        "gamma=0.9,0.99",
        ["gamma=0.9,0.99"],
        {"gamma": [0.9, 0.99]},
        {"gamma": (0.9, 0.99)},
        {"gamma": "0.9,0.99"},
        {"learning.gamma": np.array([0.9, 0.99])},
    ],
)
def test_values_can_be_texts_lists_and_arrays(params: Any, runs_dir: Path) -> None:
    sweep("CartPole-v1", params, seeds=1, confirm=0, hooks=STOPPED, **QUICK)
    text = (runs_dir / "CartPole-v1-gamma" / "sweep.yaml").read_text()
    assert "\n  gamma: [0.9, 0.99]\n" in text


STOPPED = Hooks(stop=lambda: True)
IS_THERE = "CartPole-v1-eps_clip is there: what it holds is not trained again"


def messages(caught: pytest.WarningsRecorder) -> list[str]:
    return [str(warning.message) for warning in caught]


def test_none_is_the_standard_grid_and_layers_are_lists(runs_dir: Path) -> None:
    params = {"eps_clip": None, "hidden_sizes": [(8, 8), [16]]}
    document = sweep("CartPole-v1", params, seeds=1, name="s", hooks=STOPPED, **QUICK)
    assert document["params"] == {
        "eps_clip": "eps_clip=0.1,0.2,0.3,0.4",
        "hidden_sizes": "hidden_sizes=8x8,16",
    }
    assert document["status"] == "incomplete" and len(document["runs"]) == 8


def test_a_stopped_sweep_goes_on_as_it_is_or_with_more(runs_dir: Path, executors: list[InProcess]) -> None:
    first = sweep("CartPole-v1", "eps_clip=0.1,0.3", seeds=1, confirm=0, hooks=STOPPED, **QUICK)
    assert first["status"] == "incomplete" and first["plots"] == [] and executors[-1].jobs == []
    whole = sweep(resume=first["sweep_dir"])
    assert whole["status"] == "completed" and len(executors[-1].trained) == 2
    with pytest.warns(UserWarning) as caught:
        more = sweep("CartPole-v1", "eps_clip=0.2", seeds=1, confirm=0, **QUICK)
    assert messages(caught) == [IS_THERE, "it also holds eps_clip = 0.1, eps_clip = 0.3"]
    assert executors[-1].trained == ["eps_clip=0.2-s1"] and len(more["points"]) == 3
    for settings in ({"seeds": 3}, {"params": "gamma"}, {"gamma": 0.9}, {"name": "x"}):
        with pytest.raises(UsageError, match="resume goes on with a sweep as it is"):
            sweep(resume="latest", **settings)


def test_who_calls_can_follow_and_gets_the_plan_if_wanted(runs_dir: Path, executors: list[InProcess]) -> None:
    plans: list[Plan] = []
    reports: list[Any] = []
    stopped = Hooks(stop=lambda: True, plan=plans.append)
    sweep("CartPole-v1", "eps_clip=0.1,0.3", seeds=2, name="stopped", hooks=stopped, **QUICK)
    assert plans == [] and executors[-1].jobs == []

    class View:
        def __init__(self, spec: Any) -> None:
            self.start = self.stop = lambda: None
            self.update, self.notice = reports.append, reports.append

    sweep("CartPole-v1", "eps_clip=0.1,0.3", seeds=2, hooks=Hooks(view=View, plan=plans.append), **QUICK)
    (plan,) = plans
    assert plan.sizes == [2, 2] and plan.estimate.steps == 4 * 64
    assert [report.stage for report in reports][-1] == "done" and reports[-1].done == 4
    with pytest.warns(UserWarning, match=IS_THERE):
        sweep("CartPole-v1", "eps_clip=0.1,0.3", seeds=2, hooks=Hooks(plan=plans.append), **QUICK)
    assert len(plans) == 1, "nothing is left to train"


def test_notices_are_warnings_where_it_is_called(runs_dir: Path) -> None:
    with pytest.warns(UserWarning, match="running Pendulum-v1") as caught:
        sweep("Pendulum-v0", "eps_clip=0.1", seeds=1, hooks=STOPPED, **QUICK)
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning) as caught:
        sweep(FAULTY, "gamma=0.9", seeds=3, confirm=0, **QUICK | unlucky("raises"))
    told = messages(caught)
    assert f"no tuned settings for {FAULTY}; using the defaults" in told
    assert any("its 2 runs go on in two jobs" in message for message in told)
    assert "gamma=0.9-s3 has no checkpoint yet: it starts from the beginning" in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"env": "CartPole-v1"}, "no setting is swept"),
        ({"params": "eps_clip"}, "no environment given"),
        ({"env": "CartPole-v1", "params": {"eps_clop": [1]}}, "params: eps_clop: unknown setting"),
        (
            {"env": "CartPole-v1", "params": {"gamma": [0.9, "x"]}},
            "params: learning.gamma: 'x' is not allowed",
        ),
        ({"env": "CartPole-v1", "params": {"gamma": []}}, "params: learning.gamma: has no values"),
        ({"env": "CartPole-v1", "params": "gamma", "gama": 1}, "settings: gama: unknown setting"),
        ({"env": "CartPole-v1", "params": "gamma", "seeds": 0}, "seeds: 0 seeds"),
        ({"env": "CartPole-v1", "params": "gamma", "seeds": 2.5}, "seeds: 2.5 is not a whole number"),
        ({"env": "CartPole-v1", "params": "gamma", "confirm": True}, "confirm: True is not a whole number"),
        ({"env": "CartPole-v1", "params": "gamma", "search": "bayes"}, "search: 'bayes' is not allowed"),
    ],
)
def test_wrong_arguments_are_refused_in_words(
    arguments: dict[str, Any], message: str, runs_dir: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        sweep(**arguments)
    assert message in caught.value.message and list(runs_dir.iterdir()) == []


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def full(*_: object) -> None:
        raise StorageError("cannot write x: No space left on device", hint="Free some space.")

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "train_iteration", full)
        yield


def test_after_a_full_disk_the_hint_says_how_to_go_on(runs_dir: Path, full_disk: None) -> None:
    with pytest.raises(StorageError) as caught:
        sweep("CartPole-v1", "eps_clip=0.1", seeds=1, **QUICK)
    go_on = "ppo sweep --resume runs/CartPole-v1-eps_clip"
    assert caught.value.hint == f"Free some space. Then go on: {go_on}"
