"""The manners of the command line: what goes where, exit codes, errors, JSON, encodings, ``--help``."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from helpers.cli_runner import ROOT, environment, ppo

from ppo_cli import errors
from ppo_cli.cli import COMMANDS, app, main
from ppo_cli.cli.terminal.errors import describe, run
from ppo_cli.cli.terminal.options import complete_run, whole_number
from ppo_cli.cli.terminal.signals import Stop, stop_signals
from ppo_cli.storage.json_file import strict


def in_process(*args: str) -> int:
    """Run a command line in this process."""
    with pytest.raises(SystemExit) as ended:
        main(args)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def python(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env=environment(), capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout


# --- help


def test_help_names_every_command_and_exits_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert in_process("--help") == 0
    text = capsys.readouterr().out
    assert all(f"\n  {name} " in text for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert in_process(name, "--help") == 0
    text = capsys.readouterr().out
    assert f"\n    ppo {name}" in text, "the example stands on a line of its own"
    assert "\\b" not in text


def test_ppo_alone_prints_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert in_process() == 0
    assert "Usage: ppo" in capsys.readouterr().out


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert in_process("--version") == 0
    assert capsys.readouterr().out.startswith("ppo ")


def modules_loaded_by(code: str) -> set[str]:
    return set(
        python(f"{code}; import sys; print('modules:', *sys.modules)").partition("modules: ")[2].split()
    )


def test_help_loads_no_library_but_typer_and_rich_and_less_than_they_do() -> None:
    bare = modules_loaded_by("import typer, rich")
    run = "from ppo_cli.cli import app; from ppo_cli.cli.terminal.errors import run"
    more = modules_loaded_by(f"{run}; run(app, ['--help'])") - bare
    assert {name.partition(".")[0] for name in more} - sys.stdlib_module_names == {"ppo_cli", "typer"}
    assert "rich.console" not in more
    assert len(more) < len(bare) / 2


# --- wrong usage


@pytest.mark.parametrize(
    "args",
    [
        ("nonsense",),
        ("train", "--nonsense"),
        ("train", "--seed", "x"),
        ("train", "--seeds", "0"),
        ("train", "--total-timesteps", "0"),
        ("show",),
        ("eval", "latest", "--episodes", "0"),
        ("train",),
        ("train", "--env", "NoSuchEnv-v0"),
        ("train", "--env", "CartPole-v1", "--set", "clip_range=0.1"),
        ("train", "--env", "CartPole-v1", "--set", "gamma=2"),
        ("train", "--env", "CartPole-v1", "--name", "../outside"),
        ("train", "--config", "no-such-file.yaml"),
        ("train", "--resume", "nothing"),
        ("train", "--resume", "nothing", "--env", "CartPole-v1"),
        ("train", "--resume", "nothing", "--seeds", "2"),
        ("show", "nothing"),
        ("eval", "nothing"),
        ("config", "--explain", "--defaults"),
    ],
)
def test_wrong_usage_is_one_message_and_exit_code_2_and_leaves_no_folder(
    args: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PPO_RUNS_DIR", raising=False)
    assert in_process(*args) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: ") and "Traceback" not in told.err
    assert in_process(*args, "--json") == 2
    told = capsys.readouterr()
    document = json.loads(told.out)
    assert set(document) == {"error"} and document["error"]["message"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("typed", [("--seed", "0"), ("--seed", "1"), ("--set", "gamma=0.9"), ("--name", "")])
def test_a_resumed_run_keeps_its_settings(typed: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert in_process("train", "--resume", "nothing", *typed) == 2
    assert f"--resume cannot be combined with {typed[0]}\n" in capsys.readouterr().err


def test_help_names_no_default_that_a_setting_has(capsys: pytest.CaptureFixture[str]) -> None:
    in_process("train", "--help")
    text = " ".join(capsys.readouterr().out.split())
    assert text.count("(default: the setting's)") == 2


def test_train_with_nothing_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert in_process("train") == 2
    assert "ppo train --env CartPole-v1" in capsys.readouterr().err


def test_an_unknown_setting_is_named_with_its_neighbour(capsys: pytest.CaptureFixture[str]) -> None:
    in_process("train", "--env", "CartPole-v1", "--set", "clip_range=0.1", "--json")
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["key"] == "clip_range" and "eps_clip" in error["hint"]


def test_a_wrong_config_file_is_told_with_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "wrong [red].yaml"
    file.write_text("env_id: CartPole-v1\nlearning:\n  gamma: 2\n")
    assert in_process("train", "--config", str(file), "--json") == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["file"] == str(file) and error["line"] == 3
    assert in_process("train", "--config", str(file)) == 2
    assert "wrong [red].yaml:3" in capsys.readouterr().err


# --- every exception has its message and its code


class App:
    """Stands for the commands: raises what it is given."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __call__(self, *args: Any, **options: Any) -> None:
        raise self.error


def failing(error: BaseException, *args: str) -> int:
    return run(App(error), args)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("x"), 2),
        (errors.DivergedError("x"), 3),
        (errors.RunLockedError("x"), 4),
        (errors.CorruptFileError("x"), 5),
        (errors.StorageError("x"), 74),
        (typer.BadParameter("x"), 2),
        (OSError(28, "No space left on device", "/x"), 74),
        (PermissionError(13, "Permission denied", "/x"), 74),
        (KeyboardInterrupt(), 130),
        (ValueError("x"), 1),
        (MemoryError(), 2),
        (RecursionError("x"), 1),
    ],
)
def test_every_error_has_its_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failing(error) == code
    assert "Traceback" not in capsys.readouterr().err


def test_an_unexpected_exception_is_called_a_bug_and_shows_its_traceback_only_on_request(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PPO_DEBUG", raising=False)
    failing(ValueError("broken [/x]"))
    told = capsys.readouterr().err
    assert "a bug of ours: ValueError: broken [/x]" in told and "--debug" in told and "Traceback" not in told
    failing(ValueError("broken"), "list", "--debug")
    assert "Traceback" in capsys.readouterr().err
    monkeypatch.setenv("PPO_DEBUG", "1")
    failing(ValueError("broken"))
    assert "Traceback" in capsys.readouterr().err


def test_debug_may_stand_anywhere(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert in_process("list", "--debug", "--runs-dir", str(tmp_path)) == 0
    assert in_process("--debug", "show", "nothing", "--runs-dir", str(tmp_path)) == 2
    assert "Traceback" in capsys.readouterr().err


def test_an_error_as_json_is_the_only_document(capsys: pytest.CaptureFixture[str]) -> None:
    error = errors.UsageError("wrong", hint="do this", key="gamma", file="x.yaml", line=3)
    assert failing(error, "--json") == 2
    told = capsys.readouterr()
    assert json.loads(told.out) == {
        "error": {"message": "wrong", "hint": "do this", "key": "gamma", "file": "x.yaml", "line": 3}
    }
    assert told.err == ""


def test_escape_sequences_in_an_error_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    failing(errors.UsageError("no run '\x1b[2J[/red]'"))
    assert "\\x1b[2J[/red]" in capsys.readouterr().err


def test_an_error_message_is_not_broken_into_lines(capsys: pytest.CaptureFixture[str]) -> None:
    failing(errors.UsageError("word " * 100))
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_describe_keeps_our_own_errors() -> None:
    error = errors.UsageError("x")
    assert describe(error) is error


# --- output


def test_numbers_that_json_lacks_become_null() -> None:
    document = strict({"a": float("nan"), "b": [float("inf"), 1.5], "c": Path("x"), 1: None})
    assert document == {"a": None, "b": [None, 1.5], "c": "x", "1": None}


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    for args in (
        ["config", "--explain"],
        ["--help"],
        ["config", "--defaults"],
        ["config", "--explain", "--json"],
    ):
        command = f"{sys.executable} -m ppo_cli {' '.join(args)} | true; exit ${{PIPESTATUS[0]}}"
        done = subprocess.run(
            ["bash", "-c", command],
            env=environment(),
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), args


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    "args", [("config", "--explain"), ("config", "--explain", "--json"), ("config", "--defaults")]
)
def test_a_full_disk_behind_stdout_is_exit_code_74(args: tuple[str, ...], tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        result = ppo(*args, cwd=tmp_path, stdout=full)
    assert result.code == 74
    assert "error: cannot" in result.stderr and "Traceback" not in result.stderr


def test_a_closed_stdout_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m ppo_cli config --explain >&-"
    done = subprocess.run(
        ["bash", "-c", command], env=environment(), capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0"},
        {"NO_COLOR": "1"},
        {"TERM": "dumb"},
        {"COLUMNS": "20"},
    ],
)
def test_a_poor_terminal_gets_plain_text(variables: dict[str, str], tmp_path: Path) -> None:
    for args in (["config", "--explain"], ["train"], ["list"]):
        result = ppo(*args, cwd=tmp_path, env=environment(**variables))
        assert result.code in (0, 2)
        assert "\x1b" not in result.stdout + result.stderr and "Traceback" not in result.stderr


# --- pieces


def test_whole_numbers_are_read_as_people_write_them() -> None:
    assert [whole_number(text) for text in ("1e6", "100_000", "7")] == [1_000_000, 100_000, 7]
    for wrong in ("0", "-1", "1.5", "nan", "inf", "many", ""):
        with pytest.raises(typer.BadParameter):
            whole_number(wrong)


def test_completion_offers_runs_and_latest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CartPole-v1-ppo-clip-s1", "Pendulum-v1-ppo-clip-s1", ".hidden"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("PPO_RUNS_DIR", str(tmp_path))
    assert complete_run("Cart") == ["CartPole-v1-ppo-clip-s1"]
    assert complete_run("") == ["CartPole-v1-ppo-clip-s1", "Pendulum-v1-ppo-clip-s1", "latest"]
    monkeypatch.setenv("PPO_RUNS_DIR", str(tmp_path / "none"))
    assert complete_run("l") == ["latest"]


def test_the_first_signal_asks_and_the_handlers_come_back() -> None:
    import os
    import signal

    before = signal.getsignal(signal.SIGTERM)
    with stop_signals() as stop:
        assert not stop() and stop.exit_code == 0
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop() and stop.exit_code == 143
    assert signal.getsignal(signal.SIGTERM) == before


def test_the_second_signal_ends_the_process_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr("os._exit", ended.append)
    monkeypatch.setattr("sys.stderr", io.StringIO())
    stop = Stop()
    stop.handle(2, None)
    assert ended == []
    stop.handle(15, None)
    assert ended == [143]


def test_the_app_is_the_one_that_main_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, ["--version"]) == 0
    assert capsys.readouterr().out
