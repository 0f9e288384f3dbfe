"""Worker processes of a sweep: what is heard of them, however they end, and that none is left."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers.fake_jobs import WORKER, fake_job
from helpers.ppo_process import is_running
from helpers.waiting import PATIENCE, wait_until

from ppo_cli.errors import PpoError, StorageError
from ppo_cli.sweeps.work.events import JobEvent, RunProgress
from ppo_cli.sweeps.work.local import executor as local_executor
from ppo_cli.sweeps.work.local import process as local_process
from ppo_cli.sweeps.work.local.executor import LocalExecutor
from ppo_cli.sweeps.work.worker_log import KEPT_BYTES

Make = Callable[..., LocalExecutor]
linux = pytest.mark.skipif(sys.platform != "linux", reason="what is promised, and seen in /proc, on Linux")


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ends is waited for, however long that takes."""
    monkeypatch.setattr(local_process, "_EXIT_SECONDS", PATIENCE)


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes executors of fake jobs, and closes them."""
    made = []

    def make_one(slots: int = 1, **options: float) -> LocalExecutor:
        made.append(LocalExecutor(slots, command=WORKER, **options))
        return made[-1]

    yield make_one
    for executor in made:
        executor.close()


def listen(executor: LocalExecutor, done: Callable[[list[JobEvent]], bool]) -> list[JobEvent]:
    """The events until ``done`` with them."""
    events: list[JobEvent] = []
    deadline = time.monotonic() + PATIENCE
    while not done(events):
        assert time.monotonic() < deadline, f"nothing more came after {events}"
        events += executor.wait(0.2)
    return events


def poll(
    executor: LocalExecutor,
    done: Callable[[list[JobEvent]], bool],
    meanwhile: Callable[[], None] = lambda: None,
) -> list[JobEvent]:
    """The events until ``done`` with them, where the executor's clock stands still."""
    events: list[JobEvent] = []

    def look() -> bool:
        meanwhile()
        events.extend(executor.wait(0.0))
        return done(events)

    wait_until(look)
    return events


def ended(number: int) -> Callable[[list[JobEvent]], bool]:
    return lambda events: sum(event.kind != "progress" for event in events) >= number


def noticed(number: int) -> Callable[[list[JobEvent]], bool]:
    return lambda events: len(notices(events)) >= number


def notices(events: list[JobEvent]) -> list[str]:
    return [notice for event in events for notice in event.notices]


def carry_out(executor: LocalExecutor, folder: Path, command: str, **fields: object) -> list[JobEvent]:
    """All events of one job."""
    executor.start(fake_job(folder, command, **fields))
    return listen(executor, ended(1))


def pid_of(events: list[JobEvent]) -> int:
    return int(notices(events)[0])


def wait_until_gone(pids: list[int]) -> list[int]:
    """Those that do not go, however long they are waited for."""
    deadline = time.monotonic() + PATIENCE
    while (left := [pid for pid in pids if is_running(pid)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def test_a_job_tells_its_progress_and_how_it_ended(make: Make, tmp_path: Path) -> None:
    _, *events = carry_out(make(), tmp_path, "train")
    assert events == [
        JobEvent("0000", "progress", {"a-s1": RunProgress("training", 100, 1 / 3)}),
        JobEvent("0000", "progress", {"a-s1": RunProgress("training", 200, 2 / 3)}),
        JobEvent(
            "0000",
            "ended",
            {"a-s1": RunProgress("completed", 300, 1.0, 475.5)},
            notices=("a word to the user",),
        ),
    ]


def test_a_probe_tells_what_it_measured(make: Make, tmp_path: Path) -> None:
    assert carry_out(make(), tmp_path, "probe")[-1].probe == {"iteration_seconds": 0.25}


def test_the_next_job_finds_the_worker_warm(make: Make, tmp_path: Path) -> None:
    executor = make(2)
    pids = [pid_of(carry_out(executor, tmp_path, "train", job_id=str(number))) for number in range(3)]
    assert len(set(pids)) == 1


def test_a_warm_worker_is_taken_before_a_new_one_is_started(make: Make, tmp_path: Path) -> None:
    executor = make(2)
    executor.start(fake_job(tmp_path, "until_stopped"))
    first = pid_of(listen(executor, noticed(1)))
    warm = pid_of(carry_out(executor, tmp_path, "train", job_id="0001"))
    os.kill(first, signal.SIGKILL)
    assert listen(executor, ended(1))[-1].kind == "died"
    assert pid_of(carry_out(executor, tmp_path, "train", job_id="0002")) == warm


def test_jobs_run_side_by_side_in_as_many_slots_as_there_are(make: Make, tmp_path: Path) -> None:
    executor = make(2)
    for number in range(2):
        executor.start(fake_job(tmp_path, "until_stopped", str(number)))
    with pytest.raises(RuntimeError, match="2 slots"):
        executor.start(fake_job(tmp_path, "train", "2"))
    assert len(set(notices(listen(executor, noticed(2))))) == 2
    executor.stop()
    assert {event.job_id for event in listen(executor, ended(2))} == {"0", "1"}


def test_an_exception_fails_the_job_with_its_message_and_the_next_one_gets_a_fresh_worker(
    make: Make, tmp_path: Path
) -> None:
    executor = make()
    events = carry_out(executor, tmp_path, "bug")
    assert events[-1] == JobEvent("0000", "failed", reason="KeyError: 'gone'")
    assert "raise KeyError" in (tmp_path / "logs" / "worker-0.log").read_text()
    again = carry_out(executor, tmp_path, "train")
    assert again[-1].kind == "ended"
    assert pid_of(again) != pid_of(events)


def test_a_users_error_keeps_its_hint_and_exit_code(make: Make, tmp_path: Path) -> None:
    failed = carry_out(make(), tmp_path, "disk_full")[-1]
    expected = ("failed", "cannot write x: No space left on device", "Free some space.", 74)
    assert (failed.kind, failed.reason, failed.hint, failed.exit_code) == expected


@pytest.mark.parametrize(
    ("command", "reason"), [("sys_exit", "SystemExit: 0"), ("nothing", "AttributeError")]
)
def test_a_job_that_exits_or_returns_nothing_has_failed(
    make: Make, tmp_path: Path, command: str, reason: str
) -> None:
    failed = carry_out(make(), tmp_path, command)[-1]
    assert failed.kind == "failed"
    assert reason in failed.reason


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("kill", "was killed by SIGKILL (the system does that when memory runs out)"),
        ("crash", "was killed by SIGSEGV (see "),
        ("os_exit 0", "ended with exit status 0: the library gives up"),
        ("os_exit 7", "ended with exit status 7: the library gives up"),
        ("torn", "ended with exit status 0"),
        ("orphan", "ended with exit status 3"),
        ("garbage 776861743f0a", "what is no answer: b'what?\\n'"),
        ("garbage ff0a", "what is no answer: b'\\xff\\n'"),
        ("garbage 5b5d0a", "what is no answer: b'[]\\n'"),
        ("garbage 7b226a6f62223a312c226b696e64223a2268616c66227d0a", "what is no answer"),
        ("garbage " + "5b" * 50_000 + "0a", "what is no answer"),
    ],
    ids=lambda value: value.split()[0] if " " not in value[:8] else "",
)
def test_a_worker_that_dies_costs_its_job_only(make: Make, tmp_path: Path, command: str, reason: str) -> None:
    executor = make()
    events = carry_out(executor, tmp_path, command)
    assert events[-1].kind == "died"
    assert reason in events[-1].reason
    assert len(events[-1].reason) < 500
    assert wait_until_gone([int(pid) for pid in notices(events)]) == []
    assert carry_out(executor, tmp_path, "train", job_id="0001")[-1].kind == "ended"


@pytest.mark.parametrize("listening", [False, True])
def test_a_worker_that_is_killed_while_it_has_nothing_to_do_is_replaced(
    make: Make, tmp_path: Path, listening: bool
) -> None:
    executor = make()
    pid = pid_of(carry_out(executor, tmp_path, "train"))
    os.kill(pid, signal.SIGKILL)
    if listening:
        assert executor.wait(0.5) == [], "no job, no event"
    assert wait_until_gone([pid]) == []
    again = carry_out(executor, tmp_path, "train", job_id="0001")
    assert [event.kind for event in again if event.kind != "progress"] == ["ended"]
    assert pid_of(again) != pid


def test_a_worker_that_hangs_is_killed_and_one_that_only_takes_its_time_is_not(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor, events = make(4, hang_timeout=5.0), list[JobEvent]()
    clock = SimpleNamespace(now=time.monotonic(), monotonic=lambda: clock.now)
    monkeypatch.setattr(local_executor, "time", clock)
    for number, command in enumerate(["until_stopped", "freeze", "spin", "family"]):
        executor.start(fake_job(tmp_path, command, str(number)))
        events += poll(executor, noticed(1))
    alive = executor._workers[0]
    assert alive is not None

    def time_passes_between_signs_of_life() -> None:
        clock.now += 2.0 if alive.silent == 0.0 else 0.0

    events += poll(executor, ended(3), time_passes_between_signs_of_life)
    monkeypatch.setattr(local_executor, "time", time)
    executor.stop()
    events += listen(executor, ended(1))
    outcomes = {event.job_id: event for event in events if event.kind != "progress"}
    assert outcomes.pop("0").kind == "ended"
    assert {event.kind for event in outcomes.values()} == {"died"}
    assert outcomes["1"].reason == "the worker process hung: no sign of life for 5 s, so it was killed"
    hung = [int(pid) for event in events if event.job_id != "0" for pid in event.notices]
    assert len(hung) == 4
    assert wait_until_gone(hung) == []


def test_time_in_which_the_supervisor_was_stopped_is_no_silence(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = make(hang_timeout=100.0)
    executor.start(fake_job(tmp_path, "freeze"))
    listen(executor, noticed(1))
    monkeypatch.setattr(local_executor, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + 1000))
    assert executor.wait(0.3) == []


def test_a_stop_lets_the_job_return(make: Make, tmp_path: Path) -> None:
    executor = make()
    executor.start(fake_job(tmp_path, "until_stopped"))
    executor.stop()  # perhaps before the worker is there
    last = listen(executor, ended(1))[-1]
    assert (last.kind, last.runs["a-s1"].status, last.runs["a-s1"].global_step) == (
        "ended",
        "interrupted",
        128,
    )


def test_a_stop_does_not_reach_the_next_job(make: Make, tmp_path: Path) -> None:
    executor = make()
    executor.start(fake_job(tmp_path, "stubborn 0.2"))
    executor.stop()
    listen(executor, ended(1))
    executor.stop()
    assert notices(carry_out(executor, tmp_path, "is_stopped", job_id="0001"))[-1] == "False"


def test_what_a_job_prints_is_logged_and_never_taken_for_an_answer(make: Make, tmp_path: Path) -> None:
    last = carry_out(make(), tmp_path, "chatter")[-1]
    assert (last.kind, last.notices) == ("ended", ("''",))
    log = (tmp_path / "logs" / "worker-0.log").read_text()
    for printed in ('"kind": "failed"', "from below", "from C", "from a child"):
        assert printed in log


def test_of_what_a_worker_prints_without_end_the_last_lines_are_kept(make: Make, tmp_path: Path) -> None:
    executor, log = make(), tmp_path / "logs" / "worker-0.log"
    executor.start(fake_job(tmp_path, "babble"))
    listen(executor, noticed(2))
    executor.wait(1.0)
    assert KEPT_BYTES // 2 < log.stat().st_size <= 2 * KEPT_BYTES, "while the job goes on"
    assert log.read_text().endswith("that was all\n")
    executor.stop()
    assert listen(executor, ended(1))[-1].kind == "ended"


def test_why_a_worker_died_is_told_and_logged_however_much_it_printed(make: Make, tmp_path: Path) -> None:
    died = carry_out(make(), tmp_path, "babble 7")[-1]
    assert died.reason == "the worker process ended with exit status 7: that was all"
    log = tmp_path / "logs" / "worker-0.log"
    assert KEPT_BYTES // 2 < log.stat().st_size <= 2 * KEPT_BYTES
    assert log.read_text().endswith("that was all\n")


@pytest.mark.parametrize(("command", "words"), [("os_exit 7", ": the library gives up"), ("hush 7", "")])
def test_the_last_words_of_a_job_are_its_own_also_when_the_log_is_cut_meanwhile(
    make: Make, tmp_path: Path, command: str, words: str
) -> None:
    executor = make()
    executor.start(fake_job(tmp_path, "babble"))
    executor.stop()
    executor._last_look = time.monotonic() + 2 * PATIENCE  # not yet
    assert listen(executor, ended(1))[-1].kind == "ended"
    executor.start(fake_job(tmp_path, command, "0001"))
    executor._last_look = 0.0
    died = listen(executor, ended(1))[-1]
    assert died.reason == f"the worker process ended with exit status 7{words}"


def test_thousands_of_lines_block_neither_side(make: Make, tmp_path: Path) -> None:
    executor = make(2)
    executor.start(fake_job(tmp_path, "flood", "0"))
    time.sleep(1.0)  # nobody listens
    executor.start(fake_job(tmp_path, "train", "1"))
    events = listen(executor, ended(2))
    flood = notices([event for event in events if event.job_id == "0"])
    assert flood[1:] == [str(step) for step in range(5000)]


def test_a_worker_that_never_reads_does_not_block_the_supervisor(tmp_path: Path) -> None:
    executor = LocalExecutor(1, command=[sys.executable, "-S", "-c", "import time; time.sleep(600)"])
    began = time.monotonic()
    executor.start(fake_job(tmp_path, "x" * 1_000_000))
    executor.stop()
    assert executor.wait(0.1) == []
    executor.close()
    assert time.monotonic() - began < PATIENCE


def test_a_wait_ends_in_time_without_events_and_early_with_one(make: Make, tmp_path: Path) -> None:
    executor = make()
    executor.start(fake_job(tmp_path, "until_stopped"))
    listen(executor, noticed(1))
    began = time.monotonic()
    assert executor.wait(1.5) == [], "signs of life are no events"
    assert 1.5 <= time.monotonic() - began < PATIENCE
    executor.stop()
    began = time.monotonic()
    assert [event.kind for event in executor.wait(2 * PATIENCE)] == ["ended"]
    assert time.monotonic() - began < PATIENCE


@linux
def test_closing_leaves_no_process_whatever_they_are_doing(make: Make, tmp_path: Path) -> None:
    executor = make(5)
    idle = pid_of(carry_out(executor, tmp_path, "train"))
    for number, command in enumerate(["spin", "freeze", "family", "stubborn 600"]):
        executor.start(fake_job(tmp_path, command, str(number)))
    pids = [idle, *map(int, notices(listen(executor, noticed(5))))]
    assert sum(map(is_running, pids)) >= 5
    executor.close()
    assert wait_until_gone(pids) == []
    executor.close()


SUPERVISOR = """
import signal, sys
from pathlib import Path
from helpers.fake_jobs import WORKER, fake_job
from ppo_cli.sweeps.work.local.executor import LocalExecutor

signal.signal(signal.SIGINT, lambda *_: print("interrupted", flush=True))
folder, *commands = sys.argv[1:]
executor = LocalExecutor(len(commands), command=WORKER)
for number, command in enumerate(commands):
    executor.start(fake_job(Path(folder), command, str(number)))
while True:
    for event in executor.wait(0.2):
        print(*event.notices or [event.kind], flush=True)
"""


@contextlib.contextmanager
def supervise(folder: Path, *commands: str) -> Iterator[subprocess.Popen[str]]:
    """An executor in a process of its own, which leads a group; it prints notices and kinds of events."""
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(folder), *commands],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def words(process: subprocess.Popen[str], number: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(number)]


@linux
def test_workers_do_not_outlive_a_killed_supervisor_even_if_they_hang_in_c(tmp_path: Path) -> None:
    commands = ["spin", "regex", "freeze", "family", "until_stopped"]
    with supervise(tmp_path, *commands) as supervisor:
        pids = [int(word) for word in words(supervisor, len(commands) + 1)]
        time.sleep(0.2)
        assert sum(map(is_running, pids)) == len(commands) + 1
        supervisor.kill()
        left = wait_until_gone(pids)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []


def test_ctrl_c_and_sigterm_do_not_reach_workers(tmp_path: Path) -> None:
    with supervise(tmp_path, "until_released") as supervisor:
        (pid,) = map(int, words(supervisor, 1))
        os.killpg(supervisor.pid, signal.SIGINT)
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(pid, signum)
        assert words(supervisor, 1) == ["interrupted"]
        (tmp_path / "released").touch()
        assert words(supervisor, 1) == ["ended"]
    assert wait_until_gone([pid]) == []


@linux
def test_a_job_keeps_to_its_cores_and_the_next_one_is_free_again(make: Make, tmp_path: Path) -> None:
    executor, cores = make(), tuple(sorted(os.sched_getaffinity(0)))
    pinned = carry_out(executor, tmp_path, "cores", cores=cores[:1])
    free = carry_out(executor, tmp_path, "cores", job_id="0001")
    assert [notices(pinned)[-1], notices(free)[-1]] == [str([cores[:1]]), str([cores])]


def test_a_log_that_leads_elsewhere_is_not_written(make: Make, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "worker-0.log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match=r"worker-0\.log"):
        make().start(fake_job(tmp_path, "train"))
    assert not (tmp_path / "elsewhere").exists()


def test_a_worker_that_cannot_be_started_is_an_error_for_people(tmp_path: Path) -> None:
    executor = LocalExecutor(1, command=[str(tmp_path / "missing")])
    with pytest.raises(PpoError, match="cannot start a worker process: No such file"):
        executor.start(fake_job(tmp_path, "train"))
    executor.close()
