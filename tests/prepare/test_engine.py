"""Which engine computes a run: chosen once, written down, and kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.kernel_cases import some_library
from helpers.run_outcome import assert_same_outcome, outcome
from helpers.small_runs import config_of, resume, start

from ppo_cli.config.identity import training_settings
from ppo_cli.config.resolve import load_config, with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.errors import UsageError
from ppo_cli.kernels.library import VARIABLE, available
from ppo_cli.kernels.structs import MAX_HIDDEN
from ppo_cli.learn.summary import NO_MATTER
from ppo_cli.prepare.engine import with_engine
from ppo_cli.prepare.launch import prepare_in_folder, prepare_new, prepare_resume
from ppo_cli.prepare.resolve import resolve_settings
from ppo_cli.runs.checkpoints import load_latest_checkpoint, save_checkpoint
from ppo_cli.runs.run_dir import RunDir

SMALL = ("num_evals=0", "final_eval_episodes=0")


def test_a_new_run_gets_the_kernels_where_they_are_and_torch_where_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    some_library()
    here = resolve_settings("CartPole-v1", None)
    assert here.config.compute.engine == "compiled"
    assert here.origins["compute.engine"] == "auto: kernels for this machine"
    monkeypatch.setenv(VARIABLE, "off")
    there = resolve_settings("CartPole-v1", None)
    assert there.config.compute.engine == "torch"
    assert there.origins["compute.engine"].endswith(
        "this machine has no compiled kernels: switched off by PPO_KERNELS=off"
    )


def test_an_engine_that_was_asked_for_is_taken_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    some_library()
    for engine in ("torch", "compiled"):
        asked = resolve_settings("CartPole-v1", None, [f"engine={engine}"])
        assert (asked.config.compute.engine, asked.origins["compute.engine"]) == (engine, "--set")
    monkeypatch.setenv(VARIABLE, "off")
    assert resolve_settings("CartPole-v1", None, ["engine=torch"]).config.compute.engine == "torch"
    with pytest.raises(UsageError, match=r"compute\.engine is compiled, but .* PPO_KERNELS=off") as refused:
        resolve_settings("CartPole-v1", None, ["engine=compiled"])
    assert refused.value.key == "compute.engine" and "set it to torch" in str(refused.value.hint)


def test_without_its_engine_no_run_begins_anywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = config_of("CartPole-v1", *SMALL, "engine=compiled")
    monkeypatch.setenv(VARIABLE, "off")
    with pytest.raises(UsageError, match="no compiled kernels"):
        prepare_new([config], runs_dir=tmp_path / "runs", name=None, env_requested="", command="")
    with pytest.raises(UsageError, match="no compiled kernels"):
        prepare_in_folder({"one": config}, tmp_path / "sweep", env_requested="", command="")
    assert list(tmp_path.iterdir()) == []


def test_the_kernels_have_room_for_as_many_layers_as_there_may_be() -> None:
    most = with_values(RunConfig(env_id="CartPole-v1"), {"hidden_sizes": (8,) * MAX_HIDDEN})
    assert with_engine(most)[0].network == most.network
    with pytest.raises(UsageError, match="hidden_sizes") as refused:
        with_values(most, {"hidden_sizes": (8,) * (MAX_HIDDEN + 1)})
    assert refused.value.key == "network.hidden_sizes"


# ---------------------------------------------------------------------- written down


def test_a_run_says_what_computed_it(engine: str, tmp_path: Path) -> None:
    run = start(config_of("CartPole-v1", *SMALL, f"engine={engine}", iterations=2), tmp_path)
    assert f"engine: {engine}" in run.config_path.read_text()
    summary = json.loads(run.summary_path.read_text())
    assert summary["engine"] == engine
    library = available()
    if engine == "compiled" and not isinstance(library, str):
        assert summary["versions"]["kernels"] == library.sources
        assert summary["versions"]["instruction_set"] == library.instruction_set
    else:
        assert not {"kernels", "instruction_set"} & summary["versions"].keys()


def test_another_build_of_the_kernels_is_nothing_to_tell_and_other_kernels_are(tmp_path: Path) -> None:
    some_library()
    run = start(config_of("CartPole-v1", *SMALL, "engine=compiled"), tmp_path, stop_at=1)
    summary = json.loads(run.summary_path.read_text())
    for name, told in (("instruction_set", False), ("kernels", True)):
        changed = summary | {"versions": summary["versions"] | {name: "another"}}
        run.summary_path.write_text(json.dumps(changed))
        (population,) = prepare_resume([str(run.path)], runs_dir=tmp_path, total_timesteps=None)
        assert any(f"{name} another" in notice for notice in population.notices) == told
        assert (name in NO_MATTER) == (not told)


# ---------------------------------------------------------------------- kept


def test_a_compiled_run_does_not_go_on_without_the_kernels(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    some_library()
    config = config_of("CartPole-v1", *SMALL, "engine=compiled", iterations=3)
    run, whole = start(config, tmp_path / "runs", stop_at=1), start(config, tmp_path / "undisturbed")
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    with monkeypatch.context() as patch:
        patch.setenv(VARIABLE, "off")
        with pytest.raises(UsageError, match=f"{run.name} was computed by compiled kernels") as refused:
            resume(run)
        assert "PPO_KERNELS=off" in refused.value.message
        assert "ppo doctor" in str(refused.value.hint) and "new run" in str(refused.value.hint)
    assert before == {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    assert resume(run).members[0].status == "completed"
    assert_same_outcome(run.path, outcome(whole.path))


@pytest.mark.parametrize(("was", "now"), [("torch", "compiled"), ("compiled", "torch")])
def test_a_run_does_not_go_on_with_the_other_engine(was: str, now: str, tmp_path: Path) -> None:
    some_library()
    run = start(config_of("CartPole-v1", *SMALL, f"engine={was}"), tmp_path, stop_at=1)
    text = run.config_path.read_text()
    run.config_path.write_text(text.replace(f"engine: {was}", f"engine: {now}"))
    with pytest.raises(UsageError, match=f"engine was {was} when .* started and is {now}") as refused:
        resume(run)
    assert f"Set it back to {was}" in str(refused.value.hint)
    assert refused.value.file == str(run.config_path)


@pytest.mark.parametrize("now", [None, "torch", "compiled"])
def test_a_run_of_before_there_were_engines_goes_on_with_torch_alone(
    now: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some_library()
    config = config_of("CartPole-v1", *SMALL, "engine=torch", iterations=3)
    whole, run = start(config, tmp_path / "undisturbed"), start(config, tmp_path / "runs", stop_at=2)
    forget_engine(run, now)
    assert load_config(run.config_path).compute.engine == (now or "torch")
    if now == "compiled":
        with pytest.raises(UsageError, match="engine was torch when the run was started and is compiled now"):
            resume(run)
        return
    resume(run)
    assert_same_outcome(run.path, outcome(whole.path))


def forget_engine(run: RunDir, now: str | None) -> None:
    """Make a run folder as it was before there were engines; its config may name one since."""
    text = run.config_path.read_text()
    assert "  engine: torch\n" in text
    run.config_path.write_text(text.replace("  engine: torch\n", f"  engine: {now}\n" if now else ""))
    checkpoint = load_latest_checkpoint(run, pytest.fail)
    assert checkpoint is not None
    settings = checkpoint.meta["settings"]
    assert settings.pop("compute.engine") == "torch"
    save_checkpoint(run, checkpoint.iteration, checkpoint.tensors, checkpoint.meta | {"settings": settings})
    assert "compute.engine" in training_settings(load_config(run.config_path))
