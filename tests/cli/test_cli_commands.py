"""What each command does, with tiny trainings, in a process of its own where that matters."""

from __future__ import annotations

import contextlib
import io
import json
import math
import shlex
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.cli_runner import LONG, ROOT, TINY, environment, inside, ppo, start, wait_for_checkpoint

RUN_KEYS = {
    "run_dir", "env_id", "algorithm", "seed", "status", "global_step", "wall_time",
    "steps_per_second", "eval",
}  # fmt: skip
NAME = "CartPole-v1-ppo-clip-s1"
HUGE = 10**400  # JSON can hold it, a float cannot


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which two seeds were trained."""
    folder = tmp_path_factory.mktemp("trained")
    result = inside("train", *TINY, "--seeds", "2", cwd=folder)
    assert result.code == 0, result.stderr
    return folder


def runs_in(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "runs").glob("*")) if (folder / "runs").exists() else []


# --- train


def test_train_prints_results_on_stdout_and_progress_on_stderr(tmp_path: Path) -> None:
    result = ppo("train", *TINY, cwd=tmp_path)
    assert result.code == 0
    assert NAME in result.stdout and "completed" in result.stdout and f"runs/{NAME}" in result.stdout
    assert "100%" in result.stderr and "100%" not in result.stdout
    for command in (f"ppo eval runs/{NAME}", f"ppo show runs/{NAME}", f"ppo train --resume runs/{NAME}"):
        assert command in result.stderr


def test_train_as_json_is_one_document_with_the_promised_keys(tmp_path: Path) -> None:
    result = ppo("train", *TINY, "--seeds", "2", "--json", cwd=tmp_path)
    assert result.code == 0
    runs = result.json["runs"]
    assert [run["seed"] for run in runs] == [1, 2]
    assert all(set(run) >= RUN_KEYS and run["status"] == "completed" for run in runs)
    assert all({"mean", "std", "ci95", "episodes"} <= set(run["eval"]) for run in runs)
    assert runs[0]["eval"]["episodes"] == 3 and runs[0]["global_step"] == 128


def test_a_disk_that_fills_up_ends_with_74_and_the_command_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ppo_cli.errors import StorageError

    def full(*args: object, **options: object) -> None:
        raise StorageError("cannot write x: No space left on device", hint="Free some space.")

    monkeypatch.setattr("ppo_cli.learn.trainer.train_iteration", full)
    result = inside("train", *TINY, cwd=tmp_path)
    assert result.code == 74
    assert f"hint: Free some space. Then go on: ppo train --resume runs/{NAME}" in result.stderr


def test_quiet_says_nothing_on_stderr(tmp_path: Path) -> None:
    result = inside("train", *TINY, "--quiet", cwd=tmp_path)
    assert result.code == 0 and result.stderr == "" and NAME in result.stdout


def test_several_seeds_end_with_their_mean(trained: Path, tmp_path: Path) -> None:
    result = inside("train", *TINY, "--seeds", "2", "--seed", "5", "--name", "study", cwd=tmp_path)
    assert "mean over 2 seeds" in result.stdout
    assert runs_in(tmp_path)[-2:] == ["study-s5", "study-s6"]


def test_a_retired_environment_is_announced_once_and_both_ids_are_recorded(tmp_path: Path) -> None:
    args = [*TINY[2:], "--set", "num_evals=0", "--set", "final_eval_episodes=1"]
    result = inside("train", "--env", "Pendulum-v0", *args, "--json", cwd=tmp_path)
    assert result.code == 0, result.stderr
    assert result.stderr.count("running Pendulum-v1") == 1
    (run,) = result.json["runs"]
    assert (run["env_id"], run["env_id_requested"]) == ("Pendulum-v1", "Pendulum-v0")


def test_a_dry_run_prints_loadable_settings_and_makes_no_folder(tmp_path: Path) -> None:
    result = inside("train", *TINY, "--seeds", "3", "--dry-run", cwd=tmp_path)
    assert result.code == 0
    assert yaml.safe_load(result.stdout)["total_timesteps"] == 128
    assert "3 run(s)" in result.stderr and NAME in result.stderr
    document = inside("train", *TINY, "--dry-run", "--json", cwd=tmp_path).json
    assert document["iterations"] == 2 and document["total_timesteps"] == 128 and document["disk_bytes"] > 0
    assert list(tmp_path.iterdir()) == []


def test_the_runs_folder_comes_from_the_option_or_the_environment(tmp_path: Path) -> None:
    assert ppo("train", *TINY, "--runs-dir", "elsewhere", cwd=tmp_path).code == 0
    assert (tmp_path / "elsewhere" / NAME / "summary.json").exists()
    listed = ppo("list", "--json", cwd=tmp_path, env=environment(PPO_RUNS_DIR="elsewhere")).json
    assert [run["run_dir"] for run in listed["runs"]] == [f"elsewhere/{NAME}"]


def test_a_finished_run_is_extended(tmp_path: Path) -> None:
    inside("train", *TINY, cwd=tmp_path)
    assert inside("train", "--resume", "latest", cwd=tmp_path).code == 2
    result = inside("train", "--resume", "latest", "--total-timesteps", "256", "--json", cwd=tmp_path)
    assert result.code == 0
    assert result.json["runs"][0]["global_step"] == 256
    shorter = inside("train", "--resume", "latest", "--total-timesteps", "192", cwd=tmp_path)
    assert shorter.code == 2 and "extends" in shorter.stderr and "256" in shorter.stderr


def test_a_run_that_is_named_twice_is_resumed_once(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        assert inside("train", *TINY, "--name", "same", "--runs-dir", folder, cwd=tmp_path).code == 0
    refs = [word for ref in ("a/same", "./a/same", "b/same") for word in ("--resume", ref)]
    longer = ("--total-timesteps", "192", "--json")
    result = inside("train", *refs, *longer, cwd=tmp_path)
    assert result.code == 0, result.stderr
    assert [run["run_dir"] for run in result.json["runs"]] == ["a/same", "b/same"]
    assert all(run["global_step"] == 192 for run in result.json["runs"])


def test_each_run_of_one_name_has_its_own_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ppo_cli.cli.terminal.signals import Stop
    from ppo_cli.cli.training import Training
    from ppo_cli.learn.iteration_report import IterationReport, MemberReport
    from ppo_cli.learn.population import Member, Population
    from ppo_cli.prepare.resolve import resolve_settings
    from ppo_cli.runs.run_dir import RunDir

    runs = {"diverged": RunDir(tmp_path / "a" / "same"), "completed": RunDir(tmp_path / "b" / "same")}
    reports = tuple(
        MemberReport("same", run, 1, status, None, {}, None, None, None) for status, run in runs.items()
    )
    last = IterationReport(1, 1, 64, 64, 1.0, 64.0, {}, reports, ())
    monkeypatch.setattr("ppo_cli.learn.trainer.train", lambda *args, **options: iter([last]))
    config = resolve_settings("CartPole-v1", None).config
    population = Population(tuple(Member(config, run) for run in runs.values()))
    stdout = io.StringIO()
    with contextlib.redirect_stdout(stdout):
        Training([population], (), Stop(), allow_import=False, quiet=True, as_json=True).run()
    assert [run["status"] for run in json.loads(stdout.getvalue())["runs"]] == ["diverged", "completed"]


def test_a_warning_is_shown_before_training_starts_and_when_quiet_too(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = damaged_copy(trained, tmp_path)
    summary = folder / "runs" / NAME / "summary.json"
    summary.write_text(json.dumps(json.loads(summary.read_text()) | {"versions": {"torch": "0.1"}}))
    told_before: list[str] = []

    def listen(*args: Any) -> bool:
        told_before.append(sys.stderr.getvalue())  # type: ignore[attr-defined]
        return train_iteration(*args)

    from ppo_cli.learn.trainer import train_iteration

    monkeypatch.setattr("ppo_cli.learn.trainer.train_iteration", listen)
    words = ("--resume", NAME, "--total-timesteps", "192")
    result = inside("train", *words, "--quiet", cwd=folder)
    assert result.code == 0, result.stderr
    assert result.stderr.count("not bit for bit") == 1 and "192" not in result.stderr
    assert "not bit for bit" in told_before[0]


def test_a_module_from_a_file_is_imported_only_with_consent(tmp_path: Path) -> None:
    (tmp_path / "spy.py").write_text(
        "open('imported', 'w').close()\nimport gymnasium as gym\n"
        "gym.register('Spy-v0', 'gymnasium.envs.classic_control:CartPoleEnv', max_episode_steps=20)\n"
    )
    (tmp_path / "spy.yaml").write_text("env_id: spy:Spy-v0\n")
    args = ["train", "--config", "spy.yaml", *TINY[2:]]
    refused = ppo(*args, cwd=tmp_path)
    assert refused.code == 2 and "--allow-import" in refused.stderr
    assert not (tmp_path / "imported").exists() and runs_in(tmp_path) == []
    assert ppo(*args, "--allow-import", cwd=tmp_path).code == 0
    (tmp_path / "imported").unlink()
    for command in (["eval", "latest"], ["train", "--resume", "latest", "--total-timesteps", "256"]):
        assert ppo(*command, cwd=tmp_path).code == 2
        assert not (tmp_path / "imported").exists()
    assert ppo("eval", "latest", "--episodes", "2", "--allow-import", cwd=tmp_path).code == 0
    assert ppo("train", "--env", "spy:Spy-v0", *TINY[2:], cwd=tmp_path).code == 0, "typing it is consent"


# --- stopping


def shorten(run: Path, total_timesteps: int) -> None:
    """Make a run shorter than `ppo` would, so that it comes to its end."""
    text = (run / "config.yaml").read_text()
    assert "total_timesteps: 1000000000" in text
    (run / "config.yaml").write_text(text.replace("1000000000", str(total_timesteps)))


def test_a_stop_before_the_first_checkpoint_does_not_claim_one(tmp_path: Path) -> None:
    from ppo_cli.cli.terminal.signals import Stop
    from ppo_cli.cli.training import Training
    from ppo_cli.prepare.launch import prepare_new
    from ppo_cli.prepare.resolve import resolve_settings

    config = resolve_settings("CartPole-v1", None).config
    populations = prepare_new([config], runs_dir=tmp_path, name="x", env_requested="", command="")
    stop = Stop()
    stop.handle(signal.SIGINT, None)
    stderr = io.StringIO()
    with contextlib.redirect_stderr(stderr), contextlib.redirect_stdout(io.StringIO()):
        assert Training(populations, (), stop, allow_import=False, quiet=True, as_json=False).run() == 130
    assert "nothing was saved yet" in stderr.getvalue() and "is saved" not in stderr.getvalue()
    assert f"ppo train --resume {tmp_path / 'x'}" in stderr.getvalue()


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_a_checkpoint_and_the_printed_command_goes_on(
    signum: signal.Signals, code: int, tmp_path: Path
) -> None:
    process = start("train", *LONG, cwd=tmp_path)
    wait_for_checkpoint(tmp_path / "runs" / NAME, process)
    process.send_signal(signum)
    asked = time.monotonic()
    stdout, stderr = process.communicate(timeout=60)
    assert time.monotonic() - asked < 10
    assert process.returncode == code, stderr
    assert "interrupted" in stdout and "Traceback" not in stderr
    (command,) = (line.strip() for line in stderr.splitlines() if line.startswith("  ppo train --resume"))
    steps = json.loads((tmp_path / "runs" / NAME / "summary.json").read_text())["global_step"]
    shorten(tmp_path / "runs" / NAME, steps + 64)
    (run,) = inside(*shlex.split(command)[1:], "--json", cwd=tmp_path).json["runs"]
    assert run["status"] == "completed" and run["global_step"] == steps + 64


def test_a_stopped_run_as_json_carries_the_command_and_the_exit_code(tmp_path: Path) -> None:
    process = start("train", *LONG, "--json", cwd=tmp_path)
    wait_for_checkpoint(tmp_path / "runs" / NAME, process)
    process.send_signal(signal.SIGINT)
    stdout, _ = process.communicate(timeout=60)
    document = json.loads(stdout)
    assert process.returncode == 130
    assert document["runs"][0]["status"] == "interrupted"
    assert document["resume"] == f"ppo train --resume runs/{NAME}"


def test_a_background_job_can_be_interrupted_too(tmp_path: Path) -> None:
    def ignore() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    process = start("train", *LONG, cwd=tmp_path, preexec_fn=ignore)
    wait_for_checkpoint(tmp_path / "runs" / NAME, process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130


def test_a_second_process_on_one_run_is_refused(tmp_path: Path) -> None:
    process = start("train", *LONG, cwd=tmp_path)
    try:
        wait_for_checkpoint(tmp_path / "runs" / NAME, process)
        result = inside("train", "--resume", NAME, cwd=tmp_path)
        assert result.code == 4 and str(process.pid) in result.stderr
    finally:
        process.kill()
        process.communicate()


def test_progress_that_nobody_reads_does_not_stop_a_training(tmp_path: Path) -> None:
    process = start("train", *TINY, "--total-timesteps", "4_000", "--json", cwd=tmp_path)
    assert process.stderr is not None
    process.stderr.close()
    assert process.stdout is not None
    document = json.loads(process.stdout.read())
    assert process.wait(timeout=60) == 0 and document["runs"][0]["status"] == "completed"


# --- eval, list, show


def test_eval_reports_the_promised_keys(trained: Path) -> None:
    document = inside("eval", NAME, "--episodes", "5", "--json", cwd=trained).json
    keys = {"run_dir", "env_id", "episodes", "mean", "std", "ci95", "min", "max", "mean_length", "returns"}
    assert keys <= set(document)
    assert len(document["returns"]) == document["episodes"] == 5
    assert math.isclose(document["mean"], sum(document["returns"]) / 5)


def test_eval_repeats_itself_and_follows_its_seed(trained: Path) -> None:
    def returns(*args: str) -> list[float]:
        found: list[float] = inside("eval", NAME, "--episodes", "8", "--json", *args, cwd=trained).json[
            "returns"
        ]
        return found

    assert returns() == returns()
    assert returns() != returns("--seed", "9")
    assert returns("--stochastic") == returns("--stochastic") != returns()


def test_one_episode_has_no_interval_and_that_is_null(trained: Path) -> None:
    document = inside("eval", NAME, "--episodes", "1", "--json", cwd=trained).json
    assert document["ci95"] == [None, None]
    assert inside("eval", NAME, "--episodes", "1", cwd=trained).code == 0


def test_list_shows_the_runs(trained: Path) -> None:
    text = inside("list", cwd=trained).stdout
    assert NAME in text and "CartPole-v1-ppo-clip-s2" in text and "completed" in text
    document = inside("list", "--json", cwd=trained).json
    assert document["sweeps"] == []
    assert [run["run_dir"] for run in document["runs"]] == [f"runs/{NAME}", "runs/CartPole-v1-ppo-clip-s2"]
    assert all(run.keys() >= RUN_KEYS for run in document["runs"])


def test_an_empty_runs_folder_is_said_on_stderr(tmp_path: Path) -> None:
    result = inside("list", cwd=tmp_path)
    assert (result.code, result.stdout) == (0, "") and "ppo train" in result.stderr
    assert inside("list", "--json", cwd=tmp_path).json == {"runs": [], "sweeps": []}


def damaged_copy(trained: Path, folder: Path, **files: str) -> Path:
    shutil.copytree(trained / "runs", folder / "runs")
    for name, text in files.items():
        (folder / "runs" / NAME / name.replace("_", ".", 1)).write_text(text)
    return folder


def test_list_shows_damaged_and_unfinished_runs_beside_the_others(trained: Path, tmp_path: Path) -> None:
    folder = damaged_copy(trained, tmp_path, summary_json="{")
    (folder / "runs" / "CartPole-v1-ppo-clip-s2" / "summary.json").unlink()
    statuses = [run["status"] for run in inside("list", "--json", cwd=folder).json["runs"]]
    assert statuses == ["unreadable", "unfinished"]
    assert inside("list", cwd=folder).code == 0


@pytest.mark.parametrize(
    "summary",
    [
        '{"global_step": "abc", "eval": "x", "wall_time": [], "best_eval_during_training": {}}',
        '{"status": ["x"], "eval": {"mean": 1.0, "ci95": 5}, "steps_per_second": "fast", "seed": {}}',
        json.dumps({"global_step": HUGE, "wall_time": HUGE, "eval": {"mean": HUGE, "episodes": HUGE}}),
        '{"global_step": true, "eval": [1, 2], "best_eval_during_training": NaN, "reason": [1]}',
    ],
)
def test_a_summary_of_wrong_types_is_listed_and_shown(summary: str, trained: Path, tmp_path: Path) -> None:
    folder = damaged_copy(trained, tmp_path, summary_json=summary)
    for command in (("list",), ("show", NAME)):
        assert NAME in inside(*command, cwd=folder).stdout
        assert inside(*command, "--json", cwd=folder).code == 0


def test_a_run_that_was_killed_is_interrupted_and_one_that_trains_is_not(
    trained: Path, tmp_path: Path
) -> None:
    from ppo_cli.runs.run_dir import RunDir

    folder = damaged_copy(trained, tmp_path)
    run = RunDir(folder / "runs" / NAME)
    run.write_summary((run.read_summary() or {}) | {"status": "training"})
    assert inside("show", NAME, "--json", cwd=folder).json["status"] == "interrupted"
    assert "interrupted" in inside("list", cwd=folder).stdout
    with run.lock():
        assert inside("show", NAME, "--json", cwd=folder).json["status"] == "training"


def test_a_damaged_config_is_exit_code_5(trained: Path, tmp_path: Path) -> None:
    folder = damaged_copy(trained, tmp_path, config_yaml="gamma: [")
    for command in (["show", NAME], ["eval", NAME], ["train", "--resume", NAME]):
        result = inside(*command, cwd=folder)
        assert result.code == 5 and "config.yaml" in result.stderr and "Traceback" not in result.stderr


def test_a_damaged_policy_is_exit_code_5(trained: Path, tmp_path: Path) -> None:
    folder = damaged_copy(trained, tmp_path)
    policy = folder / "runs" / NAME / "policy.safetensors"
    data = bytearray(policy.read_bytes())
    data[-5] ^= 1
    policy.write_bytes(data)
    result = inside("eval", NAME, "--episodes", "1", "--json", cwd=folder)
    assert result.code == 5 and "policy.safetensors" in result.json["error"]["message"]


def test_show_tells_what_differs_and_what_is_there(trained: Path) -> None:
    text = inside("show", "latest", cwd=trained).stdout
    for part in (
        "completed",
        "rollout.num_envs",
        "metrics.csv",
        "policy.safetensors",
        "ppo train --env CartPole-v1",
    ):
        assert part in text, part
    document = inside("show", NAME, "--json", cwd=trained).json
    assert document["differs_from_default"]["rollout.num_envs"] == 2
    assert "learning.vf_coef" not in document["differs_from_default"]
    assert {"config.yaml", "summary.json", "checkpoints/"} <= {file["name"] for file in document["files"]}


# --- envs, config, doctor


def test_envs_lists_tuned_environments_with_their_spaces(tmp_path: Path) -> None:
    document = inside("envs", "--json", cwd=tmp_path).json
    envs = {env["env_id"]: env for env in document["envs"]}
    assert envs["CartPole-v1"]["observation"] == 4 and envs["CartPole-v1"]["actions"] == "2 choices"
    assert envs["CartPole-v1"]["reward_threshold"] == 475 and envs["CartPole-v1"]["total_timesteps"] > 0
    assert len(envs) == 8
    assert envs["CartPole-v1"]["algorithms"] == ["ppo-clip", "ppo-kl", "reinforce", "grpo"]
    assert envs["BipedalWalker-v3"]["algorithms"][0] == "ppo-clip"


def test_config_prints_settings_that_load_back(tmp_path: Path) -> None:
    from ppo_cli.config.algorithms import users_of
    from ppo_cli.config.settings import SETTINGS

    result = inside("config", "--env", "LunarLander-v2", "--set", "eps_clip=0.3", cwd=tmp_path)
    assert result.code == 0 and "LunarLander-v3" in result.stderr
    (tmp_path / "mine.yaml").write_text(result.stdout)
    again = inside("config", "--config", "mine.yaml", cwd=tmp_path)
    assert again.stdout == result.stdout and "eps_clip: 0.3" in result.stdout
    for text in (result.stdout, inside("config", cwd=tmp_path).stdout):
        used = [setting for setting in SETTINGS if "ppo-clip" in users_of(setting.name)]
        assert all(f"# {setting.help}\n" in text for setting in used), "every key is explained"


@pytest.mark.parametrize("algorithm", ["ppo-clip", "ppo-kl", "reinforce", "grpo"])
def test_config_shows_what_the_algorithm_uses_and_loads_back(algorithm: str, tmp_path: Path) -> None:
    from ppo_cli.config.algorithms import ALGORITHMS

    words = ("config", "--env", "CartPole-v1", "--set", f"algorithm={algorithm}")
    text = inside(*words, cwd=tmp_path).stdout
    specific = {name for facts in ALGORITHMS.values() for name in facts.settings}
    own = set(ALGORITHMS[algorithm].settings)
    assert set(yaml.safe_load(text)["learning"]) & specific == own
    (tmp_path / "mine.yaml").write_text(text)
    assert inside("config", "--config", "mine.yaml", cwd=tmp_path).stdout == text
    for more in (words, ("train", *words[1:], "--dry-run")):
        document = inside(*more, "--json", cwd=tmp_path).json
        assert set(document["config"]["learning"]) & specific == own
        origins = {path.rpartition(".")[2] for path in document.get("origins", ())}
        assert origins & specific in (own, set())


def test_algorithms_explains_each_with_its_formula_paper_and_settings(tmp_path: Path) -> None:
    from ppo_cli.config.algorithms import ALGORITHMS

    documents = inside("algorithms", "--json", cwd=tmp_path).json["algorithms"]
    assert [one["name"] for one in documents] == ["ppo-clip", "ppo-kl", "reinforce", "grpo"]
    for one in documents:
        facts = ALGORITHMS[one["name"]]
        assert (one["summary"], one["formula"], one["paper"]) == (facts.summary, facts.formula, facts.paper)
        assert {setting["name"] for setting in one["settings"]} == set(facts.settings)
        assert all(setting["help"] and "default" in setting for setting in one["settings"])
    assert [one["whole_episodes"] for one in documents] == [False, False, True, True]
    shown = " ".join(ppo("algorithms", cwd=tmp_path).stdout.split())
    assert all(one["formula"] in shown for one in documents)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--algorithm", "ppo-kl", "--set", "eps_clip=0.2"),
            "eps_clip is not used by ppo-kl; it has",
        ),
        (("--algorithm", "grpo", "--set", "num_steps=100"), "grpo learns from whole episodes"),
        (("--algorithm", "grpo", "--set", "env_kwargs.max_episode_steps=-1"), "has no time limit"),
        (("--set", "policy=CnnPolicy"), "image policies are out of scope"),
    ],
)
def test_what_an_algorithm_cannot_use_is_refused_before_anything_is_written(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    result = inside("train", "--env", "CartPole-v1", *words, "--json", cwd=tmp_path)
    error = result.json["error"]
    assert result.code == 2 and said in f"{error['message']} {error['hint']}"
    assert runs_in(tmp_path) == []


def test_a_short_num_steps_of_a_file_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("algorithm: reinforce\nenv_id: CartPole-v1\nnum_steps: 99\n")
    result = inside("train", "--config", "mine.yaml", "--json", cwd=tmp_path)
    error = result.json["error"]
    assert result.code == 2 and "takes up to 500 steps" in error["message"]
    assert (error["file"], error["line"], error["key"]) == ("mine.yaml", 3, "rollout.num_steps")
    assert error["hint"] == "set num_steps to 500 or more"


def test_an_algorithm_without_tuned_settings_says_what_it_takes_instead(tmp_path: Path) -> None:
    words = ("train", "--env", "MountainCar-v0", "--algorithm", "reinforce", "--dry-run", "--json")
    document = inside(*words, cwd=tmp_path).json
    assert document["notices"] == [
        "no tuned settings for reinforce on MountainCar-v0; using those of ppo-clip where they apply",
        "num_steps is 200, the longest episode of MountainCar-v0: reinforce learns from whole episodes",
    ]
    assert document["config"]["rollout"]["num_steps"] == 200
    assert document["config"]["learning"]["learning_rate"] == 1e-3
    longer = (*words, "--set", "num_steps=300")
    assert inside(*longer, cwd=tmp_path).json["config"]["rollout"]["num_steps"] == 300


@pytest.mark.parametrize("algorithm", ["ppo-kl", "reinforce", "grpo"])
def test_every_environment_can_be_trained_by_every_algorithm(algorithm: str) -> None:
    from ppo_cli.config.algorithms import ALGORITHMS
    from ppo_cli.config.shipped import shipped_configs
    from ppo_cli.envs.registry import known_envs
    from ppo_cli.prepare.resolve import resolve_settings

    assert {env.env_id for env in known_envs()} <= set(shipped_configs())
    for env in known_envs():
        settings = resolve_settings(env.env_id, None, values={"algorithm": algorithm})
        tuned = env.env_id in shipped_configs(algorithm)
        assert any("no tuned settings" in notice for notice in settings.notices) is not tuned
        if ALGORITHMS[algorithm].whole_episodes:
            assert settings.config.rollout.num_steps >= (env.max_episode_steps or 0)


def test_every_algorithm_named_in_help_exists(tmp_path: Path) -> None:
    from ppo_cli.config.algorithms import ALGORITHMS

    for command in ("train", "sweep"):
        text = " ".join(inside(command, "--help", cwd=tmp_path).stdout.split())
        assert f"{', '.join([*ALGORITHMS][:-1])} or {[*ALGORITHMS][-1]}" in text


def test_config_as_json_tells_where_each_value_comes_from(tmp_path: Path) -> None:
    document = inside("config", "--env", "CartPole-v1", "--set", "gamma=0.5", "--json", cwd=tmp_path).json
    assert document["config"]["learning"]["gamma"] == 0.5
    assert document["origins"]["learning.gamma"] == "--set"
    assert document["origins"]["learning.vf_coef"] == "default"


def test_config_explains_every_setting(tmp_path: Path) -> None:
    from ppo_cli.config.settings import SETTINGS

    text = inside("config", "--explain", cwd=tmp_path).stdout
    assert all(setting.path in text for setting in SETTINGS)
    document = inside("config", "--explain", "--json", cwd=tmp_path).json
    assert [entry["path"] for entry in document["settings"]] == [setting.path for setting in SETTINGS]
    assert all(entry["help"] and "default" in entry and "allowed" in entry for entry in document["settings"])


def test_the_defaults_load(tmp_path: Path) -> None:
    defaults = inside("config", "--defaults", cwd=tmp_path).stdout
    (tmp_path / "defaults.yaml").write_text(defaults)
    assert inside("config", "--config", "defaults.yaml", cwd=tmp_path).code == 0


def test_the_doctor_finds_this_installation_well_and_leaves_nothing(tmp_path: Path) -> None:
    result = inside("doctor", "--json", cwd=tmp_path)
    checks = {check["name"]: check for check in result.json["checks"]}
    assert result.code == 0, checks
    assert {"python", "torch", "gymnasium", "box2d", "rendering", "threads", "runs folder", "fsync"} <= set(
        checks
    )
    assert all(set(check) == {"name", "ok", "detail", "fix"} for check in checks.values())
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_says_what_to_do_about_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    from ppo_cli.cli.checks import check_runs_dir, run_check

    check: dict[str, Any] = run_check("runs folder", check_runs_dir, tmp_path / "file")
    assert not check["ok"] and "--runs-dir" in check["fix"]


def test_the_advice_about_gymnasium_is_what_the_package_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ppo_cli.cli.checks import check_gymnasium

    monkeypatch.setattr("ppo_cli.cli.checks.probe", lambda *args, **options: (False, "no module"))
    needed = (ROOT / "pyproject.toml").read_text()
    _, _, fix = check_gymnasium(tmp_path)
    assert fix.removeprefix("pip install ") in needed


def test_a_check_that_breaks_is_a_finding(tmp_path: Path) -> None:
    from ppo_cli.cli.checks import run_check

    def broken(folder: Path) -> tuple[bool, str, str]:
        raise RuntimeError("unforeseen")

    assert run_check("x", broken, tmp_path)["ok"] is False


def test_a_library_that_crashes_python_is_a_finding() -> None:
    from ppo_cli.cli.checks import probe

    ok, _ = probe("import os; os.abort()")
    assert not ok
    assert probe("print('first'); print('last')") == (True, "last")


def test_a_live_view_on_a_terminal_gives_the_terminal_back(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    import os

    parent, child = pty.openpty()
    env = environment(TERM="xterm", COLUMNS="80", LINES="24")
    env.pop("CI", None)
    process = start(
        "train", *TINY, "--total-timesteps", "4_000", cwd=tmp_path, env=env, stdout=child, stderr=child
    )
    os.close(child)
    shown = b""
    while True:
        try:
            piece = os.read(parent, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(parent)
    assert process.wait(timeout=60) == 0
    text = shown.decode()
    assert "explained_variance" in text and "environment" in text and "left" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
