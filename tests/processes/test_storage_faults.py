"""A full disk, and places that cannot be written: said in a line, and nothing good is lost."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest
from helpers.cli_runner import Result
from helpers.ppo_process import PpoProcess
from helpers.run_outcome import assert_same_outcome, newest_checkpoint, outcome
from helpers.small_runs import config_of, start

from ppo_cli.config.schema import RunConfig

SETTINGS = ("hidden_sizes=[64, 64]", "normalize_obs=true", "eval_episodes=1", "final_eval_episodes=2")
WORDS = ("train", "--env", "Pendulum-v1", "--total-timesteps", "640")
needs_limit = pytest.mark.skipif(sys.platform == "win32", reason="no RLIMIT_FSIZE")


def config() -> RunConfig:
    return config_of("Pendulum-v1", *SETTINGS, iterations=60)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return outcome(start(config(), tmp_path_factory.mktemp("undisturbed") / "runs").path)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with a checkpoint, stopped."""
    return start(config(), tmp_path / "runs", stop_at=3).path


def says_so_in_a_line(result: Result) -> bool:
    """Whether it ended with 74, one error line that names a file, and no traceback."""
    errors = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    one_line = len(errors) == 1 and "cannot write" in errors[0] and "Traceback" not in result.stderr
    return result.code == 74 and one_line


@needs_limit
@pytest.mark.parametrize("full_for", ["the state", "the policy", "the logs"])
def test_a_full_disk_leaves_the_old_checkpoint_and_the_run_goes_on_when_there_is_space(
    full_for: str, run: Path, undisturbed: dict[str, object], tmp_path: Path
) -> None:
    before = newest_checkpoint(run)
    state_size = max(path.stat().st_size for path in run.rglob("state.safetensors"))
    limits = {
        "the state": state_size - 1000,
        "the policy": (run / "policy.safetensors").stat().st_size - 1000,
        "the logs": (run / "metrics.csv").stat().st_size + 200,
    }
    result = PpoProcess(["train", "--resume", run], tmp_path, max_file_bytes=limits[full_for]).wait()
    assert says_so_in_a_line(result), result.stderr
    assert f"--resume {run}" in " ".join(result.stderr.split()), "it says how to go on"
    after = newest_checkpoint(run)
    assert after.iteration == before.iteration
    assert {k: v.tobytes() for k, v in after.tensors.items()} == {
        k: v.tobytes() for k, v in before.tensors.items()
    }
    assert PpoProcess(["train", "--resume", run], tmp_path).wait().code == 0
    assert_same_outcome(run, undisturbed)


@needs_limit
def test_a_disk_that_is_full_at_any_size_loses_nothing(
    run: Path, undisturbed: dict[str, object], tmp_path: Path
) -> None:
    """The longest file allowed grows by random amounts, from nothing to enough."""
    rng, codes = random.Random(5), []
    for limit in sorted(rng.randint(0, 60_000) for _ in range(10)):
        result = PpoProcess(["train", "--resume", run], tmp_path, max_file_bytes=limit).wait()
        if result.code == 2 and "complete" in result.stderr:
            break
        codes.append(result.code)
        assert result.code == 0 or says_so_in_a_line(result), (limit, result.stderr)
    assert codes.count(74) >= 3
    if codes[-1] != 0:
        assert PpoProcess(["train", "--resume", run], tmp_path).wait().code == 0
    assert_same_outcome(run, undisturbed)


@needs_limit
def test_a_new_run_on_a_full_disk_leaves_no_half_made_folder(tmp_path: Path) -> None:
    result = PpoProcess([*WORDS, "--runs-dir", tmp_path / "runs"], tmp_path, max_file_bytes=100).wait()
    assert result.code == 74
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.parametrize("place", ["a file", "inside a file", "/proc/ppo-runs"])
def test_a_runs_folder_that_cannot_be_is_refused_before_anything_is_made(place: str, tmp_path: Path) -> None:
    file = tmp_path / "occupied"
    file.write_text("mine")
    runs_dir = {"a file": file, "inside a file": file / "runs"}.get(place, Path(place))
    if not Path("/proc").exists() and runs_dir.parts[1] == "proc":
        pytest.skip("no /proc")
    result = PpoProcess([*WORDS, "--runs-dir", runs_dir], tmp_path).wait()
    assert says_so_in_a_line(result), result.stderr
    assert str(runs_dir) in result.stderr
    assert file.read_text() == "mine"
