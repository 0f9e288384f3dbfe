"""Jobs on Ray: the bits of a run are those of any other process, and whatever ends badly is told."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.fake_jobs import fake_job
from helpers.ppo_process import ROOT, is_running
from helpers.run_outcome import assert_same_outcome, outcome
from helpers.training_helpers import make_config
from helpers.waiting import PATIENCE

from ppo_cli.errors import UsageError
from ppo_cli.sweeps.work.events import JobEvent
from ppo_cli.sweeps.work.job import Job, JobRun
from ppo_cli.sweeps.work.ray import executor as supervisor
from ppo_cli.sweeps.work.ray import nodes, starting
from ppo_cli.sweeps.work.ray.executor import RayExecutor
from ppo_cli.sweeps.work.run_job import run_job
from ppo_cli.sweeps.work.worker_log import KEPT_BYTES

STORE = 80 << 20  # bytes: containers have little shared memory
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None or sys.platform == "win32",
    reason="NOTHING ABOUT RAY IS TESTED HERE: pip install 'ppo-cli[ray]', on Linux or macOS",
)
linux = pytest.mark.skipif(sys.platform != "linux", reason="seen in /proc")


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray is waited for, however long it takes."""
    monkeypatch.setattr(supervisor, "ANSWER_SECONDS", PATIENCE)
    monkeypatch.setattr(supervisor, "_KILL_SECONDS", PATIENCE)
    monkeypatch.setattr(nodes, "ANSWER_SECONDS", PATIENCE)


@pytest.fixture(autouse=True)
def no_network() -> None:
    """Ray talks through the loopback address; that it listens to no other is tested here."""


class LocalRay:
    """A Ray that the tests here share: to start one takes seconds, and a process can have one at a time.

    Args:
        folder: The sweep's folder.

    Attributes:
        temp: Where it has its temporary files. The path is short, because Ray's sockets are below it.
        changed: What the start of Ray has changed in this process, by name; it should be nothing.
    """

    def __init__(self, folder: Path) -> None:
        self.temp = Path(tempfile.mkdtemp(dir="/tmp"))
        self.changed: set[str] = set()
        self._folder = folder
        self._executor: RayExecutor | None = None
        self._before: set[int] = set()

    def executor(self) -> RayExecutor:
        """The executor, with two slots; if it is closed, a new one."""
        if self._executor is None:
            self._before, before = descendants(), own_state()
            with nodes_that_import_tests(), pytest.MonkeyPatch.context() as patch:
                patch.setattr(tempfile, "tempdir", str(self.temp))
                self._executor = RayExecutor(None, self._folder, num_cpus=2, run_job=run_any)
            self.changed = {name for name, value in own_state().items() if value != before[name]}
        return self._executor

    def pids(self) -> set[int]:
        """Its processes."""
        return descendants() - self._before

    def close(self) -> None:
        if self._executor is not None:
            self._executor.close()
        self._executor = None


def own_state() -> dict[str, Any]:
    """What a library should leave as it is."""
    return {"SIGTERM": signal.getsignal(signal.SIGTERM), "environment": dict(os.environ)}


def run_any(job: Job, tell: Any, stop: Any) -> Mapping[str, Any]:
    """Train, or do what the job's command says."""
    from helpers.fake_jobs import run_fake_job

    from ppo_cli.sweeps.work.run_job import run_job

    return (run_fake_job if job.command else run_job)(job, tell, stop)


@pytest.fixture(scope="module")
def local_ray(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRay]:
    ray = LocalRay(tmp_path_factory.mktemp("sweep"))
    yield ray
    ray.close()
    shutil.rmtree(ray.temp)


@pytest.fixture
def executor(local_ray: LocalRay) -> Iterator[RayExecutor]:
    """The shared executor; a test that fails in the middle leaves it no jobs."""
    yield local_ray.executor()
    if local_ray.executor()._tasks:
        local_ray.close()


@contextlib.contextmanager
def nodes_that_import_tests() -> Iterator[None]:
    """Nodes that are started here find this package and the modules beside this file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "tests")]))
        yield


def listen(executor: RayExecutor, done: Callable[[list[JobEvent]], bool]) -> list[JobEvent]:
    """The events until ``done`` with them."""
    events: list[JobEvent] = []
    deadline = time.monotonic() + PATIENCE
    while not done(events):
        assert time.monotonic() < deadline, f"nothing more came after {events}"
        events += executor.wait(0.2)
    return events


def ended(number: int) -> Callable[[list[JobEvent]], bool]:
    return lambda events: sum(event.kind != "progress" for event in events) >= number


def heard_of(number: int) -> Callable[[list[JobEvent]], bool]:
    """Whether so many jobs have reported something."""
    return lambda events: len({event.job_id for event in events}) >= number


def trains(events: list[JobEvent]) -> bool:
    """Whether an iteration of some run has been reported."""
    return any(run.global_step for event in events for run in event.runs.values())


def last_of(executor: RayExecutor, job: Job) -> JobEvent:
    """How a job ends."""
    executor.start(job)
    return listen(executor, ended(1))[-1]


def pid_of(event: JobEvent) -> int:
    """The process of a fake job, which tells it first."""
    return int(event.notices[0])


def training(folder: Path, seed: int, command: str = "") -> Job:
    """A training of CartPole of some iterations; with ``train_until_stopped`` it waits on its way."""
    config = make_config("CartPole-v1", 40, seed=seed, num_evals=2, final_eval_episodes=3)
    run = JobRun(f"s{seed}", config)
    return Job(f"{seed:04}", folder, (run,), command=command, env_requested="CartPole-v1")


def undisturbed(folder: Path, job: Job) -> dict[str, Any]:
    """What the run of a job comes to in this process."""
    folder.mkdir(exist_ok=True)
    run_job(replace(job, folder=folder), lambda _: None, lambda: False)
    return outcome(folder / job.runs[0].name)


def descendants() -> set[int]:
    """The processes that this one has started, and those that they have; none where there is no ``/proc``."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    family = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return family - {os.getpid()}


def wait_until_gone(pids: set[int]) -> set[int]:
    """Those that do not go, however long they are waited for."""
    deadline = time.monotonic() + PATIENCE
    while (left := {pid for pid in pids if is_running(pid)}) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def listening(pids: set[int]) -> set[str]:
    """The addresses at which some processes wait for connections, as the kernel writes them."""
    sockets: set[str] = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            sockets |= {os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()}
    addresses: set[str] = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                addresses.add(fields[1].partition(":")[0])
    return addresses


@needs_ray
def test_a_run_on_ray_has_the_bits_of_one_in_this_process(executor: RayExecutor, tmp_path: Path) -> None:
    jobs = [training(tmp_path, seed) for seed in (1, 2)]
    for job in jobs:
        executor.start(job)
    with pytest.raises(RuntimeError, match="2 slots"):
        executor.start(training(tmp_path, 3))
    events = listen(executor, ended(2))
    for job in jobs:
        run = job.runs[0].name
        *progress, end = [event for event in events if event.job_id == job.id]
        assert {event.kind for event in progress} == {"progress"}
        assert (end.kind, end.runs[run].status, end.runs[run].fraction) == ("ended", "completed", 1.0)
        assert_same_outcome(tmp_path / run, undisturbed(tmp_path / "here", job))


@needs_ray
def test_a_stop_saves_a_checkpoint_from_which_the_run_goes_on(executor: RayExecutor, tmp_path: Path) -> None:
    executor.start(training(tmp_path, 1, "train_until_stopped"))
    listen(executor, trains)
    executor.stop()
    assert listen(executor, ended(1))[-1].runs["s1"].status == "interrupted"
    job = training(tmp_path, 1)
    end = last_of(executor, job)  # the stop was not for this one
    assert (end.kind, end.runs["s1"].status) == ("ended", "completed")
    assert_same_outcome(tmp_path / "s1", undisturbed(tmp_path / "here", job))


@needs_ray
def test_a_stop_takes_back_a_job_that_has_not_begun(executor: RayExecutor, tmp_path: Path) -> None:
    with both_processors_taken(executor, tmp_path):
        executor.start(fake_job(tmp_path, "until_stopped", "0001"))
        assert executor.wait(0.2) == []
        executor.stop()
        assert listen(executor, ended(1)) == [JobEvent("0001", "ended")]


@contextlib.contextmanager
def both_processors_taken(executor: RayExecutor, folder: Path) -> Iterator[None]:
    """Let something else run on Ray as long as the block, so that no job begins."""
    begun, over = folder / "begun", folder / "over"

    def wait() -> None:
        begun.touch()
        while not over.exists():
            time.sleep(0.05)

    ref = executor._ray.remote(num_cpus=2, max_retries=0)(wait).remote()
    while not begun.exists():
        time.sleep(0.05)
    try:
        yield
    finally:
        over.touch()
        executor._ray.get(ref)


@needs_ray
def test_a_job_that_raises_has_failed_with_message_hint_and_exit_code(
    executor: RayExecutor, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    reason, hint = "cannot write x: No space left on device", "Free some space."
    event = last_of(executor, fake_job(tmp_path, "disk_full"))
    assert event == JobEvent("0000", "failed", reason=reason, hint=hint, exit_code=74)
    event = last_of(executor, fake_job(tmp_path, "bug"))
    assert event == JobEvent("0000", "failed", reason="KeyError: 'gone'")
    assert "KeyError: 'gone'" in "".join(log.read_text() for log in (tmp_path / "logs").iterdir())
    assert last_of(executor, fake_job(tmp_path, "sys_exit")).reason == "SystemExit: 0"
    assert "".join(capfd.readouterr()) == "", "Ray tells it, too, where a JSON document may stand"


@needs_ray
def test_the_process_of_a_job_that_raised_does_no_other(executor: RayExecutor, tmp_path: Path) -> None:
    executor.start(fake_job(tmp_path, "bug"))
    first, *_ = listen(executor, ended(1))
    assert wait_until_gone({pid_of(first)}) == set(), "it may hold locks"
    executor.start(fake_job(tmp_path, "train"))
    assert pid_of(listen(executor, ended(1))[0]) != pid_of(first)


@needs_ray
def test_a_killed_job_has_died_and_another_try_ends_with_the_same_bits(
    executor: RayExecutor, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    executor.start(training(tmp_path, 1, "train_until_stopped"))
    listen(executor, trains)
    (task,) = executor._tasks.values()
    os.kill(task.pid, signal.SIGKILL)
    event = listen(executor, ended(1))[-1]
    assert (event.kind, event.reason) == ("died", f"{task.place} crashed or was killed")
    assert "".join(capfd.readouterr()) == ""
    job = training(tmp_path, 1)
    assert last_of(executor, job).kind == "ended"
    assert_same_outcome(tmp_path / "s1", undisturbed(tmp_path / "here", job))


@needs_ray
def test_of_what_a_job_prints_without_end_the_last_lines_are_kept(
    executor: RayExecutor, tmp_path: Path
) -> None:
    executor.start(fake_job(tmp_path, "babble"))
    listen(executor, lambda events: any(event.notices == ("that was all",) for event in events))
    executor.stop()
    assert listen(executor, ended(1))[-1].kind == "ended"
    (log,) = (tmp_path / "logs").iterdir()
    assert KEPT_BYTES // 2 < log.stat().st_size <= 2 * KEPT_BYTES
    assert log.read_text().endswith("that was all\n")


@needs_ray
@linux
@pytest.mark.parametrize("how", ["spin", pytest.param("freeze", marks=pytest.mark.slow)])
def test_a_hanging_job_is_killed(
    executor: RayExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    executor.start(fake_job(tmp_path, how))
    pid = pid_of(listen(executor, heard_of(1))[0])
    monkeypatch.setattr(executor, "_hang_timeout", 0.5)
    event = listen(executor, ended(1))[-1]
    assert event.kind == "died"
    assert event.reason.endswith("hung: no sign of life for 0.5 s, so it was killed")
    assert wait_until_gone({pid}) == set(), "it may hold locks"


@pytest.mark.slow
@needs_ray
@linux
def test_a_process_that_cannot_be_killed_is_given_up(
    executor: RayExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor.start(fake_job(tmp_path, "spin"))
    pid = pid_of(listen(executor, heard_of(1))[0])
    monkeypatch.setattr(supervisor, "end_process", lambda pid: None)
    monkeypatch.setattr(supervisor, "_KILL_SECONDS", 0.5)
    monkeypatch.setattr(executor, "_hang_timeout", 0.5)
    event = listen(executor, ended(1))[-1]
    assert (event.kind, event.reason.endswith("hangs, and cannot be killed")) == ("died", True)
    os.kill(pid, signal.SIGKILL)


@needs_ray
def test_a_node_is_refused_that_does_not_see_the_folder_or_runs_another_version(
    executor: RayExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    useful = nodes.useful_nodes(executor._ray)
    with monkeypatch.context() as patch, pytest.raises(UsageError, match="does not see") as refusal:
        patch.setattr(nodes, "_LOOK_SECONDS", 0.2)
        patch.setattr(Path, "touch", lambda self: None)  # as if it were on another disk
        nodes.check_nodes(executor._ray, useful, tmp_path)
    assert "--runs-dir" in (refusal.value.hint or "")
    monkeypatch.setattr(nodes, "__version__", "99.0")
    with pytest.raises(UsageError, match=r"has ppo-cli .*, and here it is 99\.0"):
        nodes.check_nodes(executor._ray, useful, tmp_path)
    assert list(tmp_path.iterdir()) == [], "the check leaves nothing behind"


@needs_ray
@linux
def test_a_local_ray_listens_on_the_loopback_address_and_leaves_nothing_behind(
    local_ray: LocalRay, tmp_path: Path
) -> None:
    executor = local_ray.executor()
    assert local_ray.changed == set()
    executor.start(fake_job(tmp_path, "spin", "0001"))
    executor.start(fake_job(tmp_path, "freeze", "0002"))
    listen(executor, heard_of(2))
    pids = local_ray.pids()
    assert len(pids) > 4, "Ray has more processes than this"
    addresses = listening(pids | {os.getpid()})
    assert addresses and addresses <= LOOPBACK
    executor.close()
    executor.close()
    local_ray.close()
    assert wait_until_gone(pids) == set()
    assert list(local_ray.temp.iterdir()) == []


@needs_ray
@pytest.mark.parametrize("address", ["127.0.0.1:1", "hello", "ray://127.0.0.1:10001", "127.0.0.1:x"])
def test_an_address_where_no_cluster_is_is_refused_at_once(
    local_ray: LocalRay, address: str, tmp_path: Path
) -> None:
    local_ray.close()
    with pytest.raises(UsageError, match=f"cannot connect to Ray at '{address}'") as refusal:
        RayExecutor(address, tmp_path)
    assert "ray start --head" in (refusal.value.hint or "")


def test_without_ray_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match="not installed") as refusal:
        RayExecutor(None, tmp_path)
    assert refusal.value.hint == "pip install 'ppo-cli[ray]'"


@pytest.fixture
def cluster(local_ray: LocalRay) -> Iterator[Any]:
    """A cluster of two nodes on this machine, with one processor each."""
    local_ray.close()
    temp = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # short: sockets are in it
    os.mkdir(f"{temp}/ray")
    with pytest.MonkeyPatch.context() as patch, nodes_that_import_tests():
        patch.setenv("RAY_TMPDIR", temp)
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # all on the loopback address
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", starting.token())
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        from ray.cluster_utils import Cluster

        before = descendants()
        node = {"node_ip_address": "127.0.0.1", "num_cpus": 1, "object_store_memory": STORE}
        handler = signal.getsignal(signal.SIGTERM)
        made = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
        try:
            made.add_node(**node)
            yield made
        finally:
            pids = descendants() - before
            made.shutdown()
            signal.signal(signal.SIGTERM, handler)
            left = wait_until_gone(pids)
            shutil.rmtree(temp, ignore_errors=True)
    assert left == set()


@pytest.mark.slow
@needs_ray
def test_the_job_of_a_node_that_dies_ends_on_another_with_the_same_bits(cluster: Any, tmp_path: Path) -> None:
    jobs = {job.id: job for job in (training(tmp_path, seed) for seed in (1, 2))}
    executor = RayExecutor(cluster.address, tmp_path, run_job=run_any)
    try:
        assert executor.slots == 2
        for job in jobs.values():
            executor.start(replace(job, command="train_until_stopped"))
        listen(executor, heard_of(2))
        (node,) = cluster.worker_nodes
        cluster.remove_node(node, allow_graceful=False)
        events = listen(executor, ended(1))
        executor.stop()
        events += listen(executor, ended(1))
        (dead,) = [event for event in events if event.kind == "died"]
        assert dead.reason.endswith(("is gone with its node", "crashed or was killed"))
        for job in jobs.values():
            end = last_of(executor, job)
            assert (end.kind, [run.status for run in end.runs.values()]) == ("ended", ["completed"])
            assert_same_outcome(tmp_path / job.runs[0].name, undisturbed(tmp_path / "here", job))
    finally:
        executor.close()
    assert {path.name for path in tmp_path.iterdir()} == {"s1", "s2", "here", "logs"}


@pytest.mark.slow
@needs_ray
@linux
@pytest.mark.parametrize("how", ["spin", "freeze"])
def test_what_is_closed_leaves_a_cluster_without_its_jobs(cluster: Any, tmp_path: Path, how: str) -> None:
    for _ in range(2):
        executor = RayExecutor("auto", tmp_path, run_job=run_any)
        executor.start(fake_job(tmp_path, how))
        pid = pid_of(listen(executor, heard_of(1))[0])
        executor.close()
        assert wait_until_gone({pid}) == set()
    assert cluster.remaining_processes_alive()
