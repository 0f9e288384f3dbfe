"""A sweep that is stopped, hung, out of disk space or started twice: said plainly, and nothing is lost."""

from __future__ import annotations

import contextlib
import json
import random
import re
import shlex
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from helpers.cli_runner import Result
from helpers.ppo_process import PpoProcess, is_running
from helpers.run_outcome import newest_checkpoint
from helpers.sweep_process import (
    Sweep,
    assert_same_sweep,
    complete_runs,
    half_written,
    kill,
    paths_of,
    runs_of,
    sweep_of,
    undisturbed_sweep,
    wait_until_it_trains,
    workers_end,
    workers_of,
)

from ppo_cli.sweeps.folder.sweep_dir import list_sweeps

pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="workers are found in /proc")
SWEEP = Sweep(iterations=240)
ENDLESS = Sweep(iterations=1_000_000)
STOPS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return undisturbed_sweep(SWEEP, tmp_path_factory.mktemp("sweeps") / "undisturbed")


def start(runs_dir: Path, *options: object, sweep: Sweep = SWEEP) -> PpoProcess:
    return PpoProcess([*sweep.words(runs_dir), *options], runs_dir.parent)


def training(runs_dir: Path, *options: object, sweep: Sweep = SWEEP) -> PpoProcess:
    """A sweep whose every run has a checkpoint."""
    began, process = time.time(), start(runs_dir, *options, sweep=sweep)
    assert wait_until_it_trains(process, runs_dir, began), process.wait().stderr
    assert process.wait_until(
        lambda: len({p.parent for p in paths_of(runs_dir, "*/*/checkpoints/it-*")}) == 4
    )
    return process


def stopped(runs_dir: Path, signum: signal.Signals) -> Result:
    """A sweep after a signal came in the middle."""
    process = training(runs_dir)
    process.send(signum)
    result = process.wait()
    assert result.code == STOPS[signum], result.stderr
    assert not workers_of(runs_dir)
    return result


# ---------------------------------------------------------------------- signals


def words_to_go_on(result: Result) -> list[str]:
    """The words of the command that is printed for going on."""
    lines = [line.strip() for line in result.stderr.splitlines()]
    return shlex.split(next(line for line in lines if line.startswith("ppo sweep --resume ")))[1:]


@pytest.mark.parametrize(
    "signum", [pytest.param(s, marks=[pytest.mark.slow] * (s != signal.SIGINT)) for s in STOPS]
)
def test_a_signal_stops_a_sweep_with_checkpoints_and_the_printed_command_ends_with_the_same_bits(
    signum: signal.Signals, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    result = stopped(tmp_path / "runs", signum)
    sweep = sweep_of(tmp_path / "runs")
    document = json.loads(result.stdout)
    assert document["status"] == json.loads(sweep.summary_path.read_text())["status"] == "incomplete"
    runs = {run["run_dir"]: run for run in document["runs"]}
    statuses = [run["status"] for run in runs.values()]
    assert len(statuses) == 4 and "interrupted" in statuses and {*statuses} <= {"interrupted", "completed"}
    for path, run in runs.items():
        saved = newest_checkpoint(Path(path)).iteration * 64
        assert 0 < saved <= run["global_step"], "what stops in an evaluation goes on from the one before"
    again = PpoProcess([*words_to_go_on(result), "--json", "--quiet", "--workers", "2"], tmp_path).wait()
    assert again.code == 0, again.stderr
    assert_same_sweep(sweep, undisturbed)


def test_a_second_interrupt_ends_a_sweep_at_once_even_when_its_workers_do_not_answer(tmp_path: Path) -> None:
    process = training(tmp_path / "runs", sweep=ENDLESS)
    workers = workers_of(tmp_path / "runs")
    for worker in workers:
        kill(worker, signal.SIGSTOP)
    process.send(signal.SIGINT)
    time.sleep(0.5)
    assert process.alive, "it waits for its workers' checkpoints"
    process.send(signal.SIGINT)
    assert process.wait().code == 130
    assert len(workers) == 2 and workers_end(tmp_path / "runs")
    assert all(newest_checkpoint(run.path).iteration for run in runs_of(sweep_of(tmp_path / "runs")).values())


@pytest.mark.torture
def test_a_stop_at_any_moment_loses_nothing(undisturbed: dict[str, Any], tmp_path: Path) -> None:
    rng, runs_dir, codes = random.Random(3), tmp_path / "runs", []
    while not codes or codes[-1]:
        process = start(runs_dir)
        with contextlib.suppress(AssertionError):
            process.wait_until(lambda: bool(list_sweeps(runs_dir)))
        done = complete_runs(sweep_of(runs_dir))
        signum = rng.choice(list(STOPS))
        if rng.random() < 0.8:
            wait_until_it_trains(process, runs_dir, time.time())
        time.sleep(rng.uniform(0, 0.3))
        if len(codes) < 12:
            process.send(signum)
        result = process.wait()
        codes.append(result.code)
        assert result.code in (0, STOPS[signum]), result.stderr
        assert not workers_of(runs_dir)
        assert complete_runs(sweep_of(runs_dir)).items() >= done.items()
    assert len(codes) > 3
    assert_same_sweep(sweep_of(runs_dir), undisturbed)


# ---------------------------------------------------------------------- workers that hang


@pytest.mark.slow
@pytest.mark.parametrize("how_many", [1, 2])
def test_stopped_workers_are_replaced_after_the_timeout_and_the_sweep_ends_the_same(
    how_many: int, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    runs_dir = tmp_path / "runs"
    process = training(runs_dir, "--timeout", 5)
    hung = workers_of(runs_dir)[:how_many]
    for worker in hung:
        assert kill(worker, signal.SIGSTOP)
    result = process.wait()
    assert result.code == 0, result.stderr
    assert result.stderr.count("the worker process hung") == how_many
    assert not any(is_running(worker) for worker in hung)
    assert_same_sweep(sweep_of(runs_dir), undisturbed)


# ---------------------------------------------------------------------- a full disk


def says_so_in_a_line(result: Result) -> bool:
    """Whether it ended with 74, says in one line which file cannot be written, and how to go on."""
    error = json.loads(result.stdout)["error"]
    return (
        result.code == 74
        and "cannot write" in error["message"]
        and "Traceback" not in result.stderr
        and "ppo sweep --resume" in str(error["hint"])
    )


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs directory of a sweep that was stopped in the middle."""
    runs_dir = tmp_path_factory.mktemp("interrupted") / "runs"
    stopped(runs_dir, signal.SIGINT)
    return runs_dir


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no RLIMIT_FSIZE")
@pytest.mark.parametrize("full_for", ["the state", "the policy", "the table", "the sweep"])
def test_a_full_disk_ends_a_sweep_and_it_goes_on_when_there_is_space(
    full_for: str, undisturbed: dict[str, Any], interrupted: Path, tmp_path: Path
) -> None:
    runs_dir = shutil.copytree(interrupted, tmp_path / "runs")
    sweep = sweep_of(runs_dir)
    run = next(iter(runs_of(sweep).values()))
    limit = {
        "the state": max(path.stat().st_size for path in run.path.rglob("state.safetensors")) - 100,
        "the policy": run.policy_path.stat().st_size - 100,
        "the table": sweep.summary_path.stat().st_size - 100,
        "the sweep": sweep.spec_path.stat().st_size - 100,
    }[full_for]
    result = PpoProcess(SWEEP.words(runs_dir), tmp_path, max_file_bytes=limit).wait()
    assert says_so_in_a_line(result), (result.stdout, result.stderr)
    assert not workers_of(runs_dir)
    again = start(runs_dir).wait()
    assert again.code == 0, again.stderr
    assert_same_sweep(sweep, undisturbed)


@pytest.mark.torture
@pytest.mark.skipif(sys.platform == "win32", reason="no RLIMIT_FSIZE")
def test_a_disk_that_is_full_at_any_size_loses_nothing_of_a_sweep(
    undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    """The longest file allowed grows by random amounts, from nothing to enough."""
    rng, runs_dir, codes = random.Random(5), tmp_path / "runs", []
    for limit in sorted(rng.randint(0, 40_000) for _ in range(10)):
        result = PpoProcess(SWEEP.words(runs_dir), tmp_path, max_file_bytes=limit).wait()
        codes.append(result.code)
        assert result.code in (0, 74), (limit, result.stderr)
        assert "failed" not in result.stderr and "Traceback" not in result.stderr, (limit, result.stderr)
        assert not workers_of(runs_dir)
    assert codes.count(74) >= 3
    assert start(runs_dir).wait().code == 0
    assert_same_sweep(sweep_of(runs_dir), undisturbed)


@pytest.mark.skipif(sys.platform == "win32", reason="no RLIMIT_FSIZE")
def test_a_new_sweep_on_a_full_disk_leaves_no_half_made_folder(tmp_path: Path) -> None:
    result = PpoProcess(SWEEP.words(tmp_path / "runs"), tmp_path, max_file_bytes=100).wait()
    assert result.code == 74
    assert list((tmp_path / "runs").iterdir()) == []


# ---------------------------------------------------------------------- two at once


def start_together(runs_dir: Path, count: int, *options: str) -> None:
    """Start one sweep several times at one moment: one of them wins, the others say so and end with 4."""
    processes = [start(runs_dir, *options, sweep=ENDLESS) for _ in range(count)]
    while sum(process.alive for process in processes) > 1:
        time.sleep(0.01)
    (winner,) = [process for process in processes if process.alive]
    results = [process.wait() for process in processes if process is not winner]
    kill(winner.pid)
    assert [result.code for result in results] == [4] * (count - 1), [result.stdout for result in results]
    for result in results:
        message = json.loads(result.stdout)["error"]["message"]
        holder = rf"(process {winner.pid} on|another process)"  # which has not yet signed, perhaps
        assert re.search(f"^sweep [^ ]+ is being written by {holder}", message), message
    winner.wait()
    assert workers_end(runs_dir)
    (sweep,) = list_sweeps(runs_dir)
    refused = [str(process.pid) for process in processes if process is not winner]
    assert [path for path in half_written(runs_dir) if set(path.name.split(".")) & set(refused)] == []
    while sweep.is_locked():  # by a child that the winner had just forked
        time.sleep(0.01)
    with sweep.lock():  # the winner may have been killed in the middle of a file, which the next one removes
        assert [path for path in half_written(sweep.path) if path.parent == sweep.path] == []


def test_of_two_sweeps_that_start_at_once_one_wins_and_the_other_is_refused(tmp_path: Path) -> None:
    start_together(tmp_path / "runs", 2)
    start_together(tmp_path / "runs", 2)  # now it is there


@pytest.mark.torture
@pytest.mark.parametrize("options", [(), ("--name", "mine")])
def test_of_many_sweeps_that_start_at_once_one_wins_and_the_others_are_refused(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    for attempt in range(15):
        start_together(tmp_path / f"runs-{attempt}", 4, *options)
