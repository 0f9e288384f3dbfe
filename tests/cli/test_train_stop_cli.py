"""``ppo train`` that is stopped, watched, or left alone: signals, locks and terminals."""

from __future__ import annotations

import contextlib
import io
import json
import shlex
import signal
from pathlib import Path

import pytest
from helpers.cli_runner import LONG, NAME, TINY, environment, inside, start, wait_for_checkpoint
from helpers.waiting import PATIENCE

from ppo_cli.api.train import Hooks, train
from ppo_cli.cli.terminal.signals import Stop
from ppo_cli.cli.training.results import exit_code, show_training


def shorten(run: Path, total_timesteps: int) -> None:
    """Make a run shorter than `ppo` would, so that it comes to its end."""
    text = (run / "config.yaml").read_text()
    assert "total_timesteps: 1000000000" in text
    (run / "config.yaml").write_text(text.replace("1000000000", str(total_timesteps)))


def test_a_stop_before_the_first_checkpoint_does_not_claim_one(tmp_path: Path) -> None:
    stop = Stop()
    stop.handle(signal.SIGINT, None)
    runs = train("CartPole-v1", runs_dir=tmp_path, name="x", hooks=Hooks(stop=stop))
    stderr = io.StringIO()
    with contextlib.redirect_stderr(stderr), contextlib.redirect_stdout(io.StringIO()):
        show_training(runs, quiet=True, as_json=False)
    assert exit_code(runs, stop) == 130
    assert "nothing was saved yet" in stderr.getvalue() and "is saved" not in stderr.getvalue()
    assert f"ppo train --resume {tmp_path / 'x'}" in stderr.getvalue()


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_a_checkpoint_and_the_printed_command_goes_on(
    signum: signal.Signals, code: int, tmp_path: Path
) -> None:
    process = start("train", *LONG, cwd=tmp_path)
    wait_for_checkpoint(tmp_path / "runs" / NAME, process)
    process.send_signal(signum)
    stdout, stderr = process.communicate(timeout=PATIENCE)
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
    stdout, _ = process.communicate(timeout=PATIENCE)
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
    process.communicate(timeout=PATIENCE)
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
    assert process.wait(timeout=PATIENCE) == 0 and document["runs"][0]["status"] == "completed"


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
    assert process.wait(timeout=PATIENCE) == 0
    text = shown.decode()
    assert "explained_variance" in text and "environment" in text and "left" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
