"""``ppo sweep`` and what reads its folders: what is printed, written and refused, and the exit codes."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.cli_runner import environment, inside
from helpers.sweep_helpers import FAULTY, InProcess, files_of, sweep_files, tiny_spec

from ppo_cli.cli.sweep_results import write_plots
from ppo_cli.config.resolve import resolve_config
from ppo_cli.envs import user_code
from ppo_cli.learn import trainer
from ppo_cli.learn.population_state import PopulationState
from ppo_cli.sweep.opening import open_sweep
from ppo_cli.sweep.results.sweep_dir import SweepDir
from ppo_cli.sweep.spec.make_spec import make_spec
from ppo_cli.sweep.work.job import run_job
from ppo_cli.sweep.work.jobs import Job

RUN_KEYS = {
    "run_dir", "env_id", "algorithm", "seed", "status", "global_step", "wall_time", "steps_per_second",
    "eval",
}  # fmt: skip
TINY = (
    "--total-timesteps", "128", "--set", "num_envs=2", "--set", "num_steps=16", "--set", "num_minibatches=2",
    "--set", "num_epochs=2", "--set", "hidden_sizes=[8]", "--set", "num_evals=4", "--set", "eval_episodes=2",
    "--set", "final_eval_episodes=3",
)  # fmt: skip
CARTPOLE = ("sweep", "--env", "CartPole-v1", *TINY, "--seeds", "2", "--confirm", "0")
CLIPS = (*CARTPOLE, "--param", "eps_clip=0.1,0.3")
NAME = "CartPole-v1-eps_clip"


def train_inside(patch: pytest.MonkeyPatch) -> list[InProcess]:
    """Let sweeps train in this process and draw nothing; the executors that they make."""
    made: list[InProcess] = []

    def run(job: Job, tell: Any, stop: Any) -> Any:
        patch.setattr(user_code, "_agreed", set())  # a worker knows only what the job tells it
        return run_job(job, tell, stop)

    @contextlib.contextmanager
    def executor(self: Any, folder: Path) -> Iterator[InProcess]:
        made.append(InProcess(slots=2, run=run))
        made[-1].stop_asked = self._stop
        yield made[-1]

    patch.setattr("ppo_cli.cli.sweeping.Sweeping._executor", executor)
    patch.setattr("ppo_cli.cli.sweep_results.write_plots", lambda runner: [])
    patch.setattr(user_code, "_agreed", set())
    patch.delenv("FAULTY_IS_CURED", raising=False)
    patch.setattr(os, "fsync", lambda fd: None)  # here no power is lost
    return made


@pytest.fixture(autouse=True)
def executors(monkeypatch: pytest.MonkeyPatch) -> list[InProcess]:
    return train_inside(monkeypatch)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sweep that is complete; nobody changes it."""
    folder = tmp_path_factory.mktemp("swept")
    with pytest.MonkeyPatch.context() as patch:
        train_inside(patch)
        result = inside(*CLIPS, cwd=folder)
    assert result.code == 0, result.stderr
    return folder


def trained(executor: InProcess) -> list[str]:
    """The runs that were trained, not only measured."""
    return [run.name for job in executor.jobs if not job.probe for run in job.runs]


def one_line(text: str) -> str:
    """A message without the line breaks of a narrow terminal."""
    return " ".join(text.split())


# --- what is printed


def test_a_sweep_prints_results_on_stdout_and_the_rest_on_stderr(tmp_path: Path) -> None:
    result = inside(*CLIPS, "--confirm", "2", cwd=tmp_path)
    assert result.code == 0, result.stderr
    out, err = one_line(result.stdout), one_line(result.stderr)
    for part in ("eps_clip", "mean", "IQM", "failed", "Compared with the", "2 seeds each"):
        assert part in out, part
    assert "Best: eps_clip=0." in out and "On 2 held-out seeds it repeats" in out
    assert f"runs/{NAME}/results.csv" in out
    assert "2 points × 2 seeds, 4 runs to train in 2 populations of 2, 512 steps" in err
    assert "4/4 runs done" in err and "runs done" not in out
    assert f"ppo train --from-sweep runs/{NAME}" in err and f"ppo show runs/{NAME}" in err


def test_quiet_says_nothing_on_stderr_and_measures_nothing(
    tmp_path: Path, executors: list[InProcess]
) -> None:
    result = inside(*CLIPS, "--quiet", cwd=tmp_path)
    assert (result.code, result.stderr) == (0, "") and "Best: " in result.stdout
    assert not any(job.probe for job in executors[0].jobs)


def test_json_is_one_document_with_the_promised_keys(tmp_path: Path) -> None:
    result = inside(*CLIPS, "--confirm", "2", "--json", cwd=tmp_path)
    assert result.code == 0
    document = result.json
    assert document["sweep_dir"] == f"runs/{NAME}" and document["failed"] == []
    assert [run["point"] for run in document["runs"]] == [{"eps_clip": v} for v in (0.1, 0.1, 0.3, 0.3)]
    for run in document["runs"]:
        assert set(run) >= RUN_KEYS and run["status"] == "completed"
        assert {"mean", "std", "ci95", "episodes"} <= set(run["eval"])
        assert (tmp_path / run["run_dir"] / "policy.safetensors").exists()
    assert all(set(point) >= {"point", "n_seeds", "mean", "ci95", "iqm"} for point in document["points"])
    best = document["best"]
    assert set(best) >= {"point", "mean", "ci95", "held_out"}
    assert set(best["held_out"]) >= {"mean", "ci95", "n_seeds"} and best["held_out"]["n_seeds"] == 2


def test_one_seed_has_no_interval_and_that_is_null(tmp_path: Path) -> None:
    result = inside(*CLIPS, "--seeds", "1", "--json", cwd=tmp_path)
    assert result.code == 0 and result.json["points"][0]["ci95"] == [None, None]
    assert inside(*CLIPS, "--seeds", "1", "--quiet", cwd=tmp_path).code == 0


def test_plots_are_written_and_named(swept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ppo_cli.cli.sweep_results.write_plots", write_plots)
    result = inside(*CLIPS, cwd=swept)
    for name in ("sensitivity", "learning_curves"):
        assert f"runs/{NAME}/{name}.png" in result.stdout
        assert (swept / "runs" / NAME / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (swept / "runs" / NAME / f"{name}.svg").exists()


def test_without_matplotlib_a_sweep_ends_well_and_says_what_is_missing(
    swept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ppo_cli.cli.sweep_results.write_plots", write_plots)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "ppo_cli.report.plots", raising=False)
    for name in [name for name in sys.modules if name.startswith(("ppo_cli.report.plotting", "matplotlib."))]:
        monkeypatch.delitem(sys.modules, name)
    result = inside(*CLIPS, "--json", cwd=swept)
    assert result.code == 0 and result.json["plots"] == []
    assert "pip install 'ppo-cli[plots]'" in one_line(result.stderr)


def test_what_pruning_saved_is_said(tmp_path: Path) -> None:
    rates = ("--param", "learning_rate=0.0003,0.003,0.03,0.3", "--prune")
    result = inside(*CARTPOLE, *rates, "--seeds", "1", cwd=tmp_path)
    assert result.code == 0, result.stderr
    assert "Pruning stopped 2 runs: 320 steps instead of 512, 38% saved." in one_line(result.stdout)
    assert "rung at" in result.stderr


def test_populations_are_as_small_as_asked_for(tmp_path: Path, executors: list[InProcess]) -> None:
    document = inside(*CLIPS, "--max-members", "1", "--dry-run", "--json", cwd=tmp_path).json
    assert document["populations"] == [1, 1, 1, 1]
    assert inside(*CLIPS, "--max-members", "1", "--quiet", cwd=tmp_path).code == 0
    assert [len(job.runs) for job in executors[-1].jobs] == [1, 1, 1, 1]


# --- a dry run


def test_a_dry_run_says_what_would_be_done_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executors: list[InProcess]
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    result = inside(*CLIPS, "--dry-run", cwd=tmp_path)
    assert result.code == 0 and result.stdout == ""
    err = one_line(result.stderr)
    assert "eps_clip = 0.1 eps_clip = 0.3" in err
    assert "dry run: 2 points × 2 seeds, 4 runs to train in 2 populations of 2, 512 steps" in err
    document = inside(*CLIPS, "--dry-run", "--json", cwd=tmp_path).json
    assert document["points"] == [{"eps_clip": 0.1}, {"eps_clip": 0.3}] and document["seeds"] == [1, 2]
    assert (document["num_runs"], document["populations"]) == (4, [2, 2])
    assert document["total_timesteps"] == 512 and document["disk_bytes"] > 0 and document["seconds"] > 0
    assert document["sweep_dir"] == f"runs/{NAME}"
    assert [path.name for path in tmp_path.rglob("*")] == ["scratch"]
    assert not any(map(trained, executors))


@pytest.mark.parametrize("kind", ["random", "tpe"])
def test_a_dry_run_of_a_search_shows_the_points_that_it_will_begin_with(kind: str, tmp_path: Path) -> None:
    search = (*CARTPOLE, "--param", "learning_rate=1e-4..1e-2:log", "--search", kind, "--trials", "12")
    document = inside(*search, "--dry-run", "--json", cwd=tmp_path).json
    assert document["num_runs"] == 24 and len(document["points"]) == (12 if kind == "random" else 10)
    assert "12 points × 2 seeds, 24 runs" in one_line(inside(*search, "--dry-run", cwd=tmp_path).stderr)
    assert list(tmp_path.iterdir()) == []
    result = inside(*search, cwd=tmp_path)
    assert "12 points × 2 seeds, 24 runs to train" in one_line(result.stderr)
    summary = SweepDir(tmp_path / "runs" / f"CartPole-v1-learning_rate-{kind}").read_summary() or {}
    found = [point["point"] for point in summary["points"]]
    assert found[: len(document["points"])] == document["points"]


# --- going on


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

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "train_iteration", interrupted)
        result = inside(*CLIPS, "--quiet", cwd=tmp_path)
    assert result.code == code and iterations == [0, 1, 2]
    assert "stopped; the checkpoints are saved" in one_line(result.stderr) and "eps_clip" in result.stdout
    (command,) = (line.strip() for line in result.stderr.splitlines() if line.startswith("  ppo sweep"))
    document = inside(*shlex.split(command)[1:], "--quiet", "--json", cwd=tmp_path).json
    assert {run["status"] for run in document["runs"]} == {"completed"}
    assert sweep_files(tmp_path / "runs" / NAME) == sweep_files(swept / "runs" / NAME)


# --- failures


def test_a_sweep_with_lost_runs_ends_with_6_says_why_and_can_try_them_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executors: list[InProcess]
) -> None:
    words = ("sweep", "--env", FAULTY, *TINY, "--seeds", "1", "--confirm", "0")
    result = inside(*words, "--param", "env_kwargs.fault=no,nan,raises", cwd=tmp_path)
    assert result.code == 6
    err = one_line(result.stderr)
    assert "env_kwargs.fault=nan-s1 diverged: reward of environment 0 became non-finite" in err
    assert "env_kwargs.fault=raises-s1 failed: Faulty-v0 failed in step" in err
    retry = f"ppo sweep --resume runs/{FAULTY}-env_kwargs.fault --retry-failed"
    assert retry in err and "Best: env_kwargs.fault=no" in result.stdout
    again = inside(*shlex.split(retry)[1:], "--json", cwd=tmp_path)
    assert again.code == 6 and len(again.json["failed"]) == 2
    for one in again.json["failed"]:
        assert set(one) >= {"run", "point", "seed", "status", "reason"} and one["reason"]
    monkeypatch.setenv("FAULTY_IS_CURED", "1")
    mended = inside(*shlex.split(retry)[1:], "--json", cwd=tmp_path)
    assert mended.code == 0 and mended.json["failed"] == []
    assert sorted(trained(executors[-1])) == ["env_kwargs.fault=nan-s1", "env_kwargs.fault=raises-s1"]


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
    from ppo_cli.errors import StorageError

    def full(*args: object, **options: object) -> None:
        raise StorageError("cannot write x: No space left on device", hint="Free some space.")

    with monkeypatch.context() as patch:
        patch.setattr("ppo_cli.learn.trainer.train_iteration", full)
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


# --- what is refused

WRONG = [
    (("--param", "eps_clop"), "did you mean eps_clip"),
    (("--param", "clip_range=0.1,0.2"), "did you mean eps_clip"),
    (("--param", "lr=1e-3,1e-2"), "did you mean learning_rate"),
    (("--param", "eps_clip="), "eps_clip"),
    (("--param", "eps_clip=0.1,-1"), "-1 is not allowed"),
    (("--param", "eps_clip=0.1,0.1"), "is given twice"),
    (("--param", "eps_clip", "--param", "eps_clip=0.1"), "is given twice"),
    (("--param", "gamma=0.9,x"), "x"),
    (("--param", "gamma=0.9..0.99"), "gamma=0.9..0.99:5 takes five"),
    (("--param", "seed=1,2"), "use --seeds"),
    (("--param", "num_evals=1,2"), "judged differently"),
    (("--param", "num_threads=1,2"), "does not change results"),
    (("--param", "num_steps=16,17", "--set", "num_minibatches=4"), "at num_steps = 17: "),
    (("--param", "env_kwargs.nope=1,2"), "at env_kwargs.nope = 1: env_kwargs: CartPole-v1 refuses nope=1"),
    (("--param", "distance=0,50"), "changes no reward while reward_shaping.mode is off"),
    (("--param", "eps_clip=0.1,0.2", "--param", "gamma=0.9", "--zip"), "eps_clip has 2, gamma has 1"),
    (("--param", "eps_clip", "--trials", "3"), "a grid has no trials"),
    (("--param", "gamma=0.9..0.99", "--search", "random"), "such as --trials 20"),
    (("--param", "gamma=0.9..0.99", "--search", "bayes", "--trials", "3"), "bayes"),
    (("--param", "eps_clip=0.1,0.2", "--prune"), "too few for that"),
    (("--param", "eps_clip", "--prune", "--set", "num_evals=1"), "num_evals is 1"),
    (("--param", "eps_clip", "--set", "final_eval_episodes=0"), "final_eval_episodes"),
    (("--param", "eps_clip", "--executor", "cloud"), "local or ray"),
    (("--param", "eps_clip", "--name", "a/b"), "a/b"),
    (("--param", "eps_clip", "--set", "gama=0.9"), "did you mean gamma"),
    (("missing.yaml",), "missing.yaml"),
    ((), "nothing to sweep"),
]


@pytest.mark.parametrize(("words", "message"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_wrong_input_is_refused_before_there_is_a_folder(
    words: tuple[str, ...], message: str, tmp_path: Path, executors: list[InProcess]
) -> None:
    result = inside(*CARTPOLE, *words, cwd=tmp_path)
    assert result.code == 2 and message in one_line(result.stderr)
    assert result.stdout == "" and "Traceback" not in result.stderr
    assert executors == [] and list(tmp_path.iterdir()) == []
    error = inside(*CARTPOLE, *words, "--json", cwd=tmp_path).json["error"]
    assert message in one_line(f"{error['message']} {error.get('hint')}")


def test_a_grid_of_a_million_points_is_refused_at_once(tmp_path: Path) -> None:
    ranges = [f"{name}=0.1..0.9:100" for name in ("eps_clip", "gamma", "gae_lambda")]
    began = time.monotonic()
    result = inside(*CARTPOLE, *[word for text in ranges for word in ("--param", text)], cwd=tmp_path)
    assert time.monotonic() - began < 5
    assert result.code == 2 and "a grid of 1,000,000 points × 2 seeds" in one_line(result.stderr)
    assert "most is 10,000 runs" in one_line(result.stderr) and list(tmp_path.iterdir()) == []


def test_an_unknown_environment_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    result = inside("sweep", "--env", "CartPol-v1", "--param", "eps_clip", cwd=tmp_path)
    assert result.code == 2 and "CartPole-v1" in result.stderr and list(tmp_path.iterdir()) == []


def test_a_search_without_optuna_is_refused_before_there_is_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    words = ("--param", "gamma=0.9..0.99", "--search", "random", "--trials", "3")
    for more in ((), ("--dry-run",), ("--quiet",)):
        result = inside(*CARTPOLE, *words, *more, cwd=tmp_path)
        assert result.code == 2 and "pip install 'ppo-cli[search]'" in one_line(result.stderr)
    assert list(tmp_path.iterdir()) == []


# --- environments


def test_a_retired_environment_is_announced_once_and_both_ids_are_recorded(tmp_path: Path) -> None:
    words = (*TINY, "--total-timesteps", "32", "--set", "num_evals=0", "--set", "final_eval_episodes=1")
    pendulum = ("sweep", "--env", "Pendulum-v0", *words, "--param", "eps_clip=0.1", "--seeds", "1")
    result = inside(*pendulum, "--confirm", "0", "--json", cwd=tmp_path)
    assert result.code == 0 and result.stderr.count("running Pendulum-v1") == 1
    (run,) = result.json["runs"]
    assert (run["env_id"], run["env_id_requested"]) == ("Pendulum-v1", "Pendulum-v0")


def test_a_module_of_the_users_is_imported_where_it_was_agreed_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "swept_env.py").write_text(
        "import gymnasium as gym\n"
        "from gymnasium.envs.classic_control.cartpole import CartPoleEnv\n"
        "gym.register('SweptEnv-v0', CartPoleEnv, max_episode_steps=50)\n"
    )
    words = ("sweep", "--env", "swept_env:SweptEnv-v0", *TINY, "--param", "eps_clip=0.1", "--seeds", "1")
    assert inside(*words, "--confirm", "0", "--quiet", cwd=tmp_path).code == 0
    monkeypatch.setattr(user_code, "_agreed", set())
    refused = inside("sweep", "--resume", "latest", cwd=tmp_path)
    assert refused.code == 2 and "--allow-import" in refused.stderr
    assert inside("sweep", "--resume", "latest", "--allow-import", "--quiet", cwd=tmp_path).code == 0


def test_a_dry_run_of_a_sweep_over_algorithms_lists_each_with_its_own_steps(tmp_path: Path) -> None:
    words = ("sweep", "--env", "CartPole-v1", "--param", "algorithm", "--seeds", "2", "--dry-run", "--json")
    document = inside(*words, cwd=tmp_path).json
    names = ["ppo-clip", "ppo-kl", "reinforce", "grpo"]
    assert document["points"] == [{"algorithm": name} for name in names]
    assert document["populations"] == [2, 2, 2, 2] and document["notices"] == []
    configs = [resolve_config(env="CartPole-v1", values={"algorithm": name}).config for name in names]
    steps = [config.num_iterations * config.steps_per_iteration for config in configs]
    assert document["total_timesteps"] == 2 * sum(steps)
    assert os.path.basename(document["sweep_dir"]) == "CartPole-v1-algorithm"


def test_a_setting_that_one_algorithm_lacks_is_refused_before_anything_starts(tmp_path: Path) -> None:
    words = ("sweep", "--env", "CartPole-v1", "--param", "algorithm", "--param", "eps_clip", "--json")
    result = inside(*words, cwd=tmp_path)
    assert result.code == 2 and "eps_clip is not used by ppo-kl" in result.json["error"]["message"]
    assert not (tmp_path / "runs").exists()


def test_a_point_of_a_sweep_over_algorithms_can_be_trained(tmp_path: Path) -> None:
    spec, _ = make_spec(env="CartPole-v1", params=["algorithm"])
    open_sweep(spec, tmp_path / "runs", None)
    words = ("train", "--from-sweep", "CartPole-v1-algorithm", "--point", "algorithm=grpo", "--dry-run")
    document = inside(*words, "--json", cwd=tmp_path).json
    assert document["config"]["algorithm"] == "grpo" and document["config"]["learning"]["group_size"] == 8
    assert document["runs"] == ["runs/CartPole-v1-grpo-s1"]
    other = inside(*words[:4], "algorithm=ppo-kl", "--algorithm", "reinforce", "--json", cwd=tmp_path)
    assert other.code == 2 and "reinforce" in other.json["error"]["message"]


# --- train --from-sweep


def test_training_a_point_of_a_sweep_gives_the_bits_of_its_run(swept: Path) -> None:
    runs = ("--runs-dir", "again")
    sweep = f"runs/{NAME}"
    for point, seed in (("eps_clip=0.3", 1), ("eps_clip=0.1", 2)):
        words = ("--from-sweep", sweep, "--point", point, "--seed", str(seed), "--name", f"{point}-s{seed}")
        assert inside("train", *words, *runs, cwd=swept).code == 0
        again = files_of(swept / "again" / f"{point}-s{seed}")
        assert again == files_of(swept / sweep / f"{point}-s{seed}")


def test_the_best_point_is_trained_unless_another_is_named(swept: Path) -> None:
    best = inside("show", NAME, "--json", cwd=swept).json["best"]
    document = inside("train", "--from-sweep", NAME, "--seeds", "2", "--dry-run", "--json", cwd=swept).json
    assert document["config"]["learning"]["eps_clip"] == best["point"]["eps_clip"]
    assert document["seeds"] == [1, 2] and document["total_timesteps"] == 128
    (notice,) = document["notices"]
    assert f"eps_clip = {best['point']['eps_clip']}, from the sweep {NAME}" in notice


def test_a_point_that_is_not_there_is_refused_with_the_nearest(swept: Path) -> None:
    result = inside("train", "--from-sweep", NAME, "--point", "eps_clip=0.33", cwd=swept)
    assert result.code == 2 and "did you mean eps_clip=0.3" in one_line(result.stderr)
    missing = inside("train", "--from-sweep", "nothing", cwd=swept)
    assert missing.code == 2 and "no sweep 'nothing'" in one_line(missing.stderr)


@pytest.mark.parametrize(
    "words",
    [
        ("--from-sweep", NAME, "--env", "CartPole-v1"),
        ("--from-sweep", NAME, "--set", "gamma=0.9"),
        ("--env", "CartPole-v1", "--point", "best"),
        ("--from-sweep", NAME, "--resume", "latest"),
    ],
)
def test_what_cannot_stand_beside_a_point_of_a_sweep_is_refused(words: tuple[str, ...], swept: Path) -> None:
    result = inside("train", *words, cwd=swept)
    assert result.code == 2 and "cannot be combined with" in one_line(result.stderr)


# --- list and show


def test_list_has_the_sweeps_beside_the_runs(swept: Path) -> None:
    document = inside("list", "--json", cwd=swept).json
    (found,) = document["sweeps"]
    assert document["runs"] == [], "runs of a sweep are the sweep's"
    assert found["sweep_dir"] == f"runs/{NAME}" and found["status"] == "completed"
    assert len(found["points"]) == 2 and found["best"]["n_seeds"] == 2
    assert NAME in inside("list", cwd=swept).stdout


def test_show_prints_what_the_sweep_printed(swept: Path) -> None:
    shown = inside("show", NAME, cwd=swept)
    assert shown.code == 0 and shown.stdout in inside(*CLIPS, cwd=swept).stdout
    assert "Best: " in shown.stdout
    document = inside("show", NAME, "--json", cwd=swept).json
    summary = SweepDir(swept / "runs" / NAME).read_summary()
    assert document == summary


def test_unfinished_damaged_and_running_sweeps_are_listed_and_shown(tmp_path: Path) -> None:
    for name in ("new", "bad"):
        open_sweep(tiny_spec("eps_clip=0.1"), tmp_path / "runs", name)
    (tmp_path / "runs" / "bad" / "summary.json").write_text("{")
    statuses = {one["name"]: one["status"] for one in inside("list", "--json", cwd=tmp_path).json["sweeps"]}
    assert statuses == {"bad": "unreadable", "new": "unfinished"}
    assert all(name in inside("list", cwd=tmp_path).stdout for name in ("bad", "new"))
    for name in ("bad", "new"):
        shown = inside("show", name, "--json", cwd=tmp_path)
        assert shown.code == 0 and [run["status"] for run in shown.json["runs"]] == ["waiting"] * 2
        assert inside("show", name, cwd=tmp_path).code == 0
    folder = SweepDir(tmp_path / "runs" / "new")
    folder.write_summary({"status": "incomplete"})
    with folder.lock():
        found = inside("list", "--json", cwd=tmp_path).json["sweeps"]
    assert [one["status"] for one in found] == ["unreadable", "running"]


def test_a_damaged_sweep_file_is_exit_code_5(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "bad"
    folder.mkdir(parents=True)
    (folder / "sweep.yaml").write_text("params: [")
    for words in (("show", "bad"), ("sweep", "--resume", "bad"), ("train", "--from-sweep", "bad")):
        result = inside(*words, cwd=tmp_path)
        assert result.code in (2, 5) and "sweep.yaml" in result.stderr and "Traceback" not in result.stderr


# --- in processes of its own

SUPERVISED = """
import sys
from ppo_cli.cli import app
from ppo_cli.cli.terminal.errors import run

code = run(app, sys.argv[1:])
print(f"torch: {'torch' in sys.modules}", file=sys.stderr)
sys.exit(code)
"""


def test_workers_train_the_same_bits_and_the_supervisor_needs_no_torch(swept: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", SUPERVISED, *CLIPS, "--workers", "2", "--json"]
    result = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert len(document["runs"]) == 4 and len(document["plots"]) == 2
    assert "torch: False" in result.stderr and "4/4 runs done" in one_line(result.stderr)
    assert sweep_files(tmp_path / "runs" / NAME) == sweep_files(swept / "runs" / NAME)
