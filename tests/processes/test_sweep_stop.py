"""A sweep that is stopped, hung, out of disk space or started twice: said plainly, and nothing is lost.

A gate holds the trainings in the middle of an iteration until a test has done what it has to do then.
"""

from __future__ import annotations

import itertools
import json
import math
import os
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
from helpers.cli_runner import Result, inside
from helpers.gate import GATED, Gate
from helpers.ppo_process import PpoProcess, is_running
from helpers.run_outcome import newest_checkpoint
from helpers.sweep_process import (
    STEPS,
    Sweep,
    assert_same_sweep,
    complete_runs,
    half_written,
    kill,
    runs_of,
    sweep_of,
    undisturbed_sweep,
    wait_until_it_trains,
    workers_end,
    workers_of,
)
from helpers.waiting import wait_until

from ppo_cli.envs import user_code
from ppo_cli.sweeps.folder.sweep_dir import list_sweeps
from ppo_cli.sweeps.work.events import JobEvent
from ppo_cli.sweeps.work.local.executor import LocalExecutor
from ppo_cli.sweeps.work.registry import EXECUTORS, ExecutorKind

pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="workers are found in /proc")
ALL_HELD = Sweep(iterations=80, env=GATED)  # two populations of two runs each
HALF_HELD = Sweep(
    ("env_kwargs.passes=true,false", "learning_rate=0.001,0.003"),
    iterations=80,
    options=("--zip", "--confirm", "1"),
    env=GATED,
)
HELD_IN = 6  # the iteration in which populations of two come to the gate, before their first evaluation
AFTER = 2 * STEPS * (HELD_IN - 1) + STEPS
STOPS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ``HALF_HELD`` comes to."""
    return undisturbed_behind_an_open_gate(HALF_HELD, tmp_path_factory.mktemp("half"))


def undisturbed_behind_an_open_gate(sweep: Sweep, folder: Path) -> dict[str, Any]:
    with Gate(folder, AFTER, closed=False).importable():
        return undisturbed_sweep(sweep, folder / "undisturbed")


def start(runs_dir: Path, gate: Gate, *options: object, sweep: Sweep = HALF_HELD) -> PpoProcess:
    return PpoProcess([*sweep.words(runs_dir), *options], runs_dir.parent, import_from=gate.folder)


def training(runs_dir: Path, gate: Gate, sweep: Sweep = HALF_HELD) -> PpoProcess:
    """A sweep whose runs are held, each with a checkpoint, or complete if they pass the gate."""
    process = start(runs_dir, gate, sweep=sweep)
    gate.wait_until_held(process, 2 if sweep == ALL_HELD else 1)
    complete = 2 if sweep == HALF_HELD else 0
    assert process.wait_until(lambda: len(complete_runs(sweep_of(runs_dir))) == complete)
    return process


def stopped(runs_dir: Path, signum: signal.Signals) -> Result:
    """A sweep after a signal came in the middle of an iteration of some runs, and after the end of others."""
    gate = Gate(runs_dir.parent, AFTER)
    process = training(runs_dir, gate)
    process.send(signum)
    gate.wait_until_stopping(process)
    gate.open()
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
    ends = [(run["status"], run["global_step"]) for run in document["runs"]]
    assert ends == 2 * [("completed", 80 * STEPS)] + 2 * [("interrupted", HELD_IN * STEPS)]
    saved = [newest_checkpoint(Path(run["run_dir"])).iteration for run in document["runs"]]
    assert saved == [80, 80, HELD_IN, HELD_IN]
    words = [*words_to_go_on(result), "--json", "--quiet", "--workers", "2"]
    again = PpoProcess(words, tmp_path, import_from=tmp_path).wait()
    assert again.code == 0, again.stderr
    assert_same_sweep(sweep, undisturbed)


def test_a_second_interrupt_ends_a_sweep_at_once_even_when_its_workers_do_not_answer(tmp_path: Path) -> None:
    runs_dir = tmp_path / "runs"
    process = training(runs_dir, Gate(tmp_path, AFTER), ALL_HELD)
    workers = workers_of(runs_dir)
    for worker in workers:
        kill(worker, signal.SIGSTOP)
    process.send(signal.SIGINT)
    time.sleep(0.5)
    assert process.alive, "it waits for its workers' checkpoints"
    while process.alive:  # one that comes before another was noticed is the same to the system
        process.send(signal.SIGINT)
        time.sleep(0.05)
    assert process.wait().code == 130
    assert len(workers) == 2 and workers_end(runs_dir)
    assert all(newest_checkpoint(run.path).iteration for run in runs_of(sweep_of(runs_dir)).values())


@pytest.mark.torture
def test_a_stop_at_any_moment_loses_nothing(undisturbed: dict[str, Any], tmp_path: Path) -> None:
    rng, left, seconds = random.Random(3), 12, 0.3
    for attempt in itertools.count():
        runs_dir = tmp_path / f"attempt-{attempt}" / "runs"
        runs_dir.parent.mkdir()
        gate = Gate(runs_dir.parent, AFTER, closed=False)
        while True:
            signum = rng.choice(list(STOPS)) if left else None
            if ends_when_stopped(start(runs_dir, gate), runs_dir, signum, rng, seconds):
                break
            left -= 1
        assert_same_sweep(sweep_of(runs_dir), undisturbed)
        if not left:
            return
        seconds *= 0.7  # the signal came too late: the next ones come sooner
    raise AssertionError


def ends_when_stopped(
    process: PpoProcess, runs_dir: Path, signum: signal.Signals | None, rng: random.Random, seconds: float
) -> bool:
    """Send a sweep a signal some time after it began; whether it had come to its end by then."""
    assert process.wait_until(lambda: list_sweeps(runs_dir)), process.wait().stderr
    done = complete_runs(sweep_of(runs_dir))
    if rng.random() < 0.8:
        wait_until_it_trains(process, runs_dir, time.time())
    time.sleep(rng.uniform(0, seconds))
    if signum is not None:
        process.send(signum)
    result = process.wait()
    assert not workers_of(runs_dir)
    assert complete_runs(sweep_of(runs_dir)).items() >= done.items()
    if signum is not None and result.code == STOPS[signum] and "--resume" in result.stderr:
        return False
    document = json.loads(sweep_of(runs_dir).summary_path.read_text())
    assert document["status"] == "completed", (result.code, result.stderr)  # its last breath may be disturbed
    return True


# ---------------------------------------------------------------------- workers that hang


@pytest.mark.slow
@pytest.mark.parametrize("how_many", [1, 2])
def test_stopped_workers_are_replaced_after_the_timeout_and_the_sweep_ends_the_same(
    how_many: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The timeout is over for a worker when the test says so, and for no other."""
    (tmp_path / "reference").mkdir()
    undisturbed = undisturbed_behind_an_open_gate(ALL_HELD, tmp_path / "reference")
    gate, hung = Gate(tmp_path, AFTER), list[int]()

    class Impatient(LocalExecutor):
        def wait(self, seconds: float) -> list[JobEvent]:
            workers = [worker for worker in self._workers if worker is not None]
            if not hung and len(gate.held) == 2:
                hung.extend(worker._process.pid for worker in workers[:how_many])
                for pid in hung:
                    os.kill(pid, signal.SIGSTOP)
                gate.open()
            for worker in workers:
                if worker._process.pid in hung:
                    worker.silent = math.inf
            return super().wait(seconds)

    monkeypatch.setattr(user_code, "_agreed", set())
    monkeypatch.setitem(EXECUTORS, "local", ExecutorKind(lambda *_: Impatient(2), pins_cores=True))
    with gate.importable():
        result = inside(*ALL_HELD.words(tmp_path / "runs"), cwd=tmp_path)
    assert result.code == 0, result.stderr
    assert result.stderr.count("the worker process hung") == how_many == len(hung)
    assert not any(map(is_running, hung))
    assert_same_sweep(sweep_of(tmp_path / "runs"), undisturbed)


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
    gate = Gate(tmp_path, AFTER, closed=False)
    runs_dir = shutil.copytree(interrupted, tmp_path / "runs")
    sweep = sweep_of(runs_dir)
    run = next(iter(runs_of(sweep).values()))
    limit = {
        "the state": max(path.stat().st_size for path in run.path.rglob("state.safetensors")) - 100,
        "the policy": run.policy_path.stat().st_size - 100,
        "the table": sweep.summary_path.stat().st_size - 100,
        "the sweep": sweep.spec_path.stat().st_size - 100,
    }[full_for]
    words = HALF_HELD.words(runs_dir)
    result = PpoProcess(words, tmp_path, max_file_bytes=limit, import_from=tmp_path).wait()
    assert says_so_in_a_line(result), (result.stdout, result.stderr)
    assert not workers_of(runs_dir)
    again = start(runs_dir, gate).wait()
    assert again.code == 0, again.stderr
    assert_same_sweep(sweep, undisturbed)


@pytest.mark.torture
@pytest.mark.skipif(sys.platform == "win32", reason="no RLIMIT_FSIZE")
def test_a_disk_that_is_full_at_any_size_loses_nothing_of_a_sweep(
    undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    """The longest file allowed grows by random amounts, from nothing to enough."""
    rng, runs_dir, codes = random.Random(5), tmp_path / "runs", []
    gate, words = Gate(tmp_path, AFTER, closed=False), HALF_HELD.words(runs_dir)
    for limit in sorted(rng.randint(0, 40_000) for _ in range(10)):
        result = PpoProcess(words, tmp_path, max_file_bytes=limit, import_from=tmp_path).wait()
        codes.append(result.code)
        assert result.code in (0, 74), (limit, result.stderr)
        assert "failed" not in result.stderr and "Traceback" not in result.stderr, (limit, result.stderr)
        assert not workers_of(runs_dir)
    assert codes.count(74) >= 3
    assert start(runs_dir, gate).wait().code == 0
    assert_same_sweep(sweep_of(runs_dir), undisturbed)


@pytest.mark.skipif(sys.platform == "win32", reason="no RLIMIT_FSIZE")
def test_a_new_sweep_on_a_full_disk_leaves_no_half_made_folder(tmp_path: Path) -> None:
    result = PpoProcess(Sweep().words(tmp_path / "runs"), tmp_path, max_file_bytes=100).wait()
    assert result.code == 74
    assert list((tmp_path / "runs").iterdir()) == []


# ---------------------------------------------------------------------- two at once


def start_together(runs_dir: Path, gate: Gate, count: int, *options: str) -> None:
    """Start one sweep several times at one moment: one of them wins, the others say so and end with 4."""
    processes = [start(runs_dir, gate, *options, sweep=ALL_HELD) for _ in range(count)]
    wait_until(lambda: sum(process.alive for process in processes) <= 1, "the end of all but one")
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
    wait_until(lambda: not sweep.is_locked(), "the end of a child that the winner had just forked")
    with sweep.lock():  # the winner may have been killed in the middle of a file, which the next one removes
        assert [path for path in half_written(sweep.path) if path.parent == sweep.path] == []


def test_of_two_sweeps_that_start_at_once_one_wins_and_the_other_is_refused(tmp_path: Path) -> None:
    gate = Gate(tmp_path, AFTER)
    start_together(tmp_path / "runs", gate, 2)
    start_together(tmp_path / "runs", gate, 2)  # now it is there


@pytest.mark.torture
@pytest.mark.parametrize("options", [(), ("--name", "mine")])
def test_of_many_sweeps_that_start_at_once_one_wins_and_the_others_are_refused(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    gate = Gate(tmp_path, AFTER)
    for attempt in range(15):
        start_together(tmp_path / f"runs-{attempt}", gate, 4, *options)
