"""Jobs on a Ray cluster, or on a Ray that is started here for them. The only file that imports Ray.

A job is one Ray task on one processor. What it tells, and whether it should stop, goes through an actor
beside this process, the board. (A file in the sweep's folder would reach the jobs, too, but a shared file
system may show it to another machine many seconds late.) Ray repeats no job by itself: who calls decides. All
nodes must see the sweep's folder, because that is where the results are.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppo_cli import __version__
from ppo_cli.errors import PpoError, UsageError
from ppo_cli.files import remove_quietly, storage_errors
from ppo_cli.sweep.executor import JobEvent
from ppo_cli.sweep.job import run_job
from ppo_cli.sweep.jobs import Job
from ppo_cli.sweep.worker import RunJob

_POLL_SECONDS = 0.1
_SIGN_SECONDS = 0.5  # between two signs of life of a job; with each it hears whether to stop
_LOOK_SECONDS = 5.0  # for a shared file system to show a new file
_ANSWER_SECONDS = 60.0  # for a node to answer; the first answer waits for a Python to start
_KNOCK_SECONDS = 10.0
_KILL_SECONDS = 60.0  # for a job that hangs to be gone; that waits for a Python to start, too
_CLOSE_SECONDS = 2.0  # for jobs to be gone before Ray ends whatever is left
_OBJECT_STORE_BYTES = 80 << 20  # nothing large passes through Ray; containers have little shared memory
_LONGEST_TEMP_DIR = 20  # characters: Ray makes the paths of sockets from it, and 103 is the most for those


class RayExecutor:
    """Runs jobs as Ray tasks (see :class:`ppo_cli.sweep.executor.Executor`); their cores are left to Ray.

    Args:
        address: A cluster to connect to, ``auto`` or ``host:port``; None starts Ray on this machine, for this
            machine only, until :meth:`close`.
        folder: The sweep's folder.
        hang_timeout: Seconds without a sign of life after which a job is killed; some seconds at least.
        num_cpus: Processors of the Ray that is started here; None for all that this process may use.
        run_job: What does a job.

    Attributes:
        slots: Processors of the cluster.

    Raises:
        UsageError: Ray is not installed or cannot be reached, or a node cannot be used for this folder.
        StorageError: The folder cannot be written.
    """

    def __init__(
        self,
        address: str | None,
        folder: Path,
        *,
        hang_timeout: float = 300.0,
        num_cpus: int | None = None,
        run_job: RunJob = run_job,
    ) -> None:
        self._hang_timeout = hang_timeout
        self._run_job = run_job
        self._tasks: dict[str, _Task] = {}
        self._started = 0
        self._stopped: list[str] = []
        self._last_poll = time.monotonic()
        with contextlib.ExitStack() as stack:
            local = address is None or address == "local"
            self._ray = stack.enter_context(_own_ray(num_cpus) if local else _cluster(str(address)))
            stack.enter_context(_silence(self._ray))
            nodes = _useful_nodes(self._ray)
            _check_nodes(self._ray, nodes, folder.absolute())
            self.slots = sum(int(node["Resources"]["CPU"]) for node in nodes)
            self._board = _start_board(self._ray)
            options = {"num_cpus": 1, "max_retries": 0, "scheduling_strategy": "SPREAD"}
            self._work = self._ray.remote(**options)(_work)
            self._exit = stack.pop_all()

    def start(self, job: Job) -> None:
        """See :class:`ppo_cli.sweep.executor.Executor`."""
        if len(self._tasks) >= self.slots:
            raise RuntimeError(f"all {self.slots} slots are taken")
        self._started += 1
        key = f"{job.id}#{self._started}"  # a job that is tried again must not hear from its first try
        self._tasks[key] = _Task(job.id, self._work.remote(self._run_job, job.to_json(), self._board, key))

    def wait(self, seconds: float) -> list[JobEvent]:
        """See :class:`ppo_cli.sweep.executor.Executor`.

        Raises:
            PpoError: The connection to Ray is lost.
        """
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            done = self._wait_for_tasks(min(max(left, 0.0), _POLL_SECONDS))
            events = [event for key, message in self._exchange() for event in self._heard(key, message)]
            events += [self._ended(self._tasks.pop(key)) for key in done]
            events += self._count_silence()
            if events or left <= 0:
                return events

    def stop(self) -> None:
        """See :class:`ppo_cli.sweep.executor.Executor`. Jobs that Ray has not begun are taken back."""
        self._stopped += self._tasks
        for task in self._tasks.values():
            if not task.place:
                task.taken_back = True
                self._cancel(task)

    def close(self) -> None:
        """See :class:`ppo_cli.sweep.executor.Executor`. A cluster that was there before stays."""
        refs = [task.ref for task in self._tasks.values()]
        if refs:
            for task in self._tasks.values():
                self._cancel(task)
            with contextlib.suppress(self._ray.exceptions.RayError):
                self._ray.wait(refs, num_returns=len(refs), timeout=_CLOSE_SECONDS)
        self._tasks.clear()
        self._exit.close()

    def _wait_for_tasks(self, seconds: float) -> list[str]:
        """The tasks that are over, as soon as there is one."""
        if not self._tasks:
            time.sleep(seconds)
            return []
        by_ref = {task.ref: key for key, task in self._tasks.items()}
        done, _ = self._ray.wait(list(by_ref), timeout=seconds)
        return [by_ref[ref] for ref in done]

    def _exchange(self) -> list[tuple[str, Mapping[str, Any] | None]]:
        """Tell the board which jobs are to stop; take what the jobs told it.

        All that a job told is there when its task is over, because it waits until the board has it.
        """
        try:
            found: list[tuple[str, Mapping[str, Any] | None]] = self._ray.get(
                self._board.exchange.remote(self._stopped), timeout=_ANSWER_SECONDS
            )
        except self._ray.exceptions.RayError as error:
            raise PpoError(
                f"the connection to Ray is lost: {_in_short(error)}",
                hint="The checkpoints are saved: run the command again to go on.",
            ) from error
        return found

    def _heard(self, key: str, message: Mapping[str, Any] | None) -> Iterator[JobEvent]:
        """Understand what a job told; nothing but a sign of life is None."""
        task = self._tasks.get(key)
        if task is None:
            return
        task.silent = 0.0
        if message is None:
            return
        if "node" in message:
            task.node, task.pid, task.log = message["node"], message["pid"], message["log"]
            task.place = f"the worker process {task.pid} on {message['address']}"
            return
        event = JobEvent.from_json(message)
        if event.kind == "progress":
            yield event
        else:
            task.failure = event  # to be told when its process is gone, with all that it may have locked

    def _ended(self, task: _Task) -> JobEvent:
        """What became of a task that is over."""
        errors = self._ray.exceptions
        try:
            return JobEvent.from_json(self._ray.get(task.ref))
        except errors.RayTaskError as error:
            return JobEvent.failure(task.job_id, error.cause)
        except errors.RayError as error:
            if task.taken_back:
                return JobEvent(task.job_id, "ended")
            return task.failure or self._died(task, self._cause_of_death(task, error))

    def _died(self, task: _Task, reason: str) -> JobEvent:
        hint = f"Its output is in {task.log}" if task.log else None
        return JobEvent(task.job_id, "died", reason=reason, hint=hint)

    def _cause_of_death(self, task: _Task, error: Exception) -> str:
        errors, place = self._ray.exceptions, task.place or "a worker process"
        if task.is_hung:
            return f"{place} hung: no sign of life for {self._hang_timeout:g} s, so it was killed"
        if isinstance(error, errors.OutOfMemoryError):
            return f"{place} was killed, because its node was short of memory"
        if isinstance(error, errors.NodeDiedError):
            return f"{place} is gone with its node"
        if isinstance(error, errors.WorkerCrashedError):
            return f"{place} crashed or was killed"
        return f"{place} died: {_in_short(error)}"

    def _count_silence(self) -> list[JobEvent]:
        """Kill jobs that hang; give up those that outlive it.

        Time counts as silence only while we listen: not while this process was stopped or busy elsewhere.
        """
        now = time.monotonic()
        passed, self._last_poll = min(now - self._last_poll, 2 * _POLL_SECONDS), now
        lost: list[JobEvent] = []
        for key, task in list(self._tasks.items()):
            task.silent += passed if task.place else 0.0  # not begun: it waits for a free processor
            if task.silent > self._hang_timeout and not task.is_hung:
                task.is_hung = True
                there = _on_node(self._ray, task.node)
                self._ray.remote(num_cpus=0, scheduling_strategy=there)(_end_process).remote(task.pid)
            if task.silent > self._hang_timeout + _KILL_SECONDS:
                del self._tasks[key]
                lost.append(self._died(task, f"{task.place} hangs, and cannot be killed"))
        return lost

    def _cancel(self, task: _Task) -> None:
        """Let Ray end a job. When it says that it is over, its process may still be there for a moment."""
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.cancel(task.ref, force=True)


@dataclass
class _Task:
    """A job under way.

    Attributes:
        job_id: The job.
        ref: Ray's promise of its end.
        place: The process that does it, for people; empty before it has begun.
        node: Ray's name for that process's node.
        pid: Its number there.
        log: The file with its output.
        silent: Seconds since it gave a sign of life.
        failure: What it told of its failure.
        is_hung: Whether it was killed because it hung.
        taken_back: Whether it was cancelled before it began.
    """

    job_id: str
    ref: Any
    place: str = ""
    node: str = ""
    pid: int = 0
    log: str = ""
    silent: float = 0.0
    failure: JobEvent | None = None
    is_hung: bool = False
    taken_back: bool = False


class _Board:
    """An actor between the jobs and their supervisor. When it dies and starts anew, only progress is lost."""

    def __init__(self) -> None:
        self._told: list[tuple[str, Mapping[str, Any] | None]] = []
        self._stopped: frozenset[str] = frozenset()

    def tell(self, key: str, message: Mapping[str, Any] | None) -> bool:
        """Leave a message; the answer is whether the job is to stop."""
        self._told.append((key, message))
        return key in self._stopped

    def exchange(self, stopped: Iterable[str]) -> list[tuple[str, Mapping[str, Any] | None]]:
        """Say which jobs are to stop; take the messages."""
        self._stopped = frozenset(stopped)
        told, self._told = self._told, []
        return told


def _start_board(ray: Any) -> Any:
    """Start the board beside this process, so that both are lost together or not at all."""
    here = _on_node(ray, ray.get_runtime_context().get_node_id())
    options = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1, "scheduling_strategy": here}
    return ray.remote(**options)(_Board).remote()


# ---------------------------------------------------------------------- in the worker process of a node


def _work(run_job: RunJob, data: Mapping[str, Any], board: Any, key: str) -> dict[str, Any]:
    """Do a job: the task. Its end is the answer; a failure is left at the board, and the process ends.

    What an exception leaves behind in a process, locks above all, must not reach the next job.
    """
    job = Job.from_json(data)
    line = _Line(board, key)
    try:
        log = _log_to(job.folder)
        node = _import_ray().get_runtime_context().get_node_id()
        line.tell({"node": node, "address": _address(), "pid": os.getpid(), "log": str(log)})
        result = run_job(job, lambda message: line.tell(_progress(job, message)), line.stop)
        return JobEvent.of(job.id, "ended", result).to_json()
    except BaseException as error:  # an environment may call sys.exit, which would look like a crash
        traceback.print_exc()
        line.tell(JobEvent.failure(job.id, error).to_json())
        os._exit(1)


def _progress(job: Job, message: Mapping[str, Any]) -> dict[str, Any]:
    return JobEvent.of(job.id, "progress", message).to_json()


class _Line:
    """A job's line to the board.

    Args:
        board: The board.
        key: The job's key there.
    """

    def __init__(self, board: Any, key: str) -> None:
        self._ray = _import_ray()
        self._board = board
        self._key = key
        self._last = 0.0
        self._stopping = False

    def tell(self, message: Mapping[str, Any] | None) -> None:
        """Leave a message, and wait until it is there."""
        self._last = time.monotonic()
        self._stopping = self._ray.get(self._board.tell.remote(self._key, message))

    def stop(self) -> bool:
        """Whether to stop. Asking is the sign of life."""
        if time.monotonic() - self._last >= _SIGN_SECONDS:
            self.tell(None)
        return self._stopping


def _log_to(folder: Path) -> Path:
    """Let all output of this process go to a file in the sweep's folder.

    Raises:
        StorageError: It cannot be written; above all, the folder is not there on this node.
    """
    path = folder / "logs" / f"ray-{_address()}-{os.getpid()}.log"
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    with storage_errors(path):
        path.parent.mkdir(exist_ok=True)
        fd = os.open(path, flags, 0o644)
    for stream in (1, 2):
        os.dup2(fd, stream)
    os.close(fd)
    return path


def _address() -> str:
    return str(_import_ray().util.get_node_ip_address())


def _end_process(pid: int) -> None:
    """End a process of this node that hangs. A cancelled task need not be gone when Ray says so; this is."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def _look(marker: str, version: str, seconds: float) -> str:
    """What keeps this node from taking part in the sweep of a folder with this file; empty for nothing."""
    if version != __version__:
        return f"has ppo-cli {__version__}, and here it is {version}"
    deadline = time.monotonic() + seconds
    while not os.path.exists(marker):
        if time.monotonic() > deadline:
            return f"does not see {os.path.dirname(marker)}"
        time.sleep(_POLL_SECONDS)
    if not os.access(os.path.dirname(marker), os.W_OK):
        return f"may not write to {os.path.dirname(marker)}"
    return ""


# ---------------------------------------------------------------------- nodes


def _useful_nodes(ray: Any) -> list[dict[str, Any]]:
    """The nodes that have a processor for a job.

    Raises:
        UsageError: There is none.
    """
    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
    if not nodes:
        raise UsageError("the Ray cluster has no processors", hint="start a node: ray start --address=...")
    return nodes


def _check_nodes(ray: Any, nodes: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """Check that each node runs this program and sees the folder.

    Raises:
        UsageError: One does not.
        StorageError: The folder cannot be written.
    """
    marker = folder / f".ray-{secrets.token_hex(8)}"
    with storage_errors(marker):
        marker.touch()
    try:
        look = ray.remote(num_cpus=0, max_retries=0)(_look)
        there = [look.options(scheduling_strategy=_on_node(ray, node["NodeID"])) for node in nodes]
        question = (str(marker), __version__, _LOOK_SECONDS)
        asked = {one.remote(*question): node for one, node in zip(there, nodes, strict=True)}
        answered, _ = ray.wait(list(asked), num_returns=len(asked), timeout=_ANSWER_SECONDS)
        for ref, node in asked.items():
            problem = _answer(ray, ref) if ref in answered else f"did not answer for {_ANSWER_SECONDS:g} s"
            if problem:
                raise UsageError(
                    f"the Ray node {node['NodeManagerAddress']} {problem}",
                    hint="all nodes need the same ppo-cli, and --runs-dir on a file system that they share",
                )
    finally:
        remove_quietly(marker)


def _answer(ray: Any, ref: Any) -> str:
    try:
        return str(ray.get(ref))
    except ray.exceptions.RayError as error:
        return f"cannot run ppo-cli: {_in_short(error)}"


def _on_node(ray: Any, node_id: str) -> Any:
    return ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node_id, soft=False)


# ---------------------------------------------------------------------- Ray itself


def _import_ray() -> Any:
    try:
        import ray
        import ray.util.scheduling_strategies
    except ImportError:
        raise UsageError(
            "--executor ray needs Ray, which is not installed", hint="pip install 'ppo-cli[ray]'"
        ) from None
    return ray


@contextlib.contextmanager
def _cluster(address: str) -> Iterator[Any]:
    """A connection to a cluster.

    Raises:
        UsageError: There is none.
    """
    ray = _import_ray()
    complaint = f"cannot connect to Ray at {address!r}"
    hint = "run ppo on a node of a running cluster; one is started with: ray start --head"
    known = os.environ.get("RAY_ADDRESS", address) if address == "auto" else address
    try:
        if known != "auto":
            _knock(known)
    except (OSError, ValueError) as error:
        raise UsageError(f"{complaint}: {error}", hint=hint) from error
    with _session(ray, complaint, hint, address=known):
        yield ray


def _knock(address: str) -> None:
    """See whether anybody is there: Ray would wait for minutes.

    Raises:
        OSError, ValueError: Nobody is, or this is no address.
    """
    host, _, port = address.rpartition(":")
    if "/" in host or not (host and port.isdecimal()):
        raise ValueError("give auto or host:port")
    socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_SECONDS).close()


@contextlib.contextmanager
def _own_ray(num_cpus: int | None) -> Iterator[Any]:
    """A Ray of our own that nobody else can reach, and that leaves nothing behind.

    Raises:
        UsageError: It cannot be started.
        StorageError: There is no room for its files.
    """
    folder = _short_folder()
    own = {
        # The name says Windows; with 0, Ray listens on the loopback address only, everywhere.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        # Other users of this machine can reach the loopback address: they would need the token.
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": _token(),
        "PYTHONPATH": os.pathsep.join(
            filter(None, (str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH")))
        ),
    }
    options = {
        "address": "local",
        "num_cpus": num_cpus or _num_cores(),
        "num_gpus": 0,
        "include_dashboard": False,
        "object_store_memory": _OBJECT_STORE_BYTES,
        "_node_ip_address": "127.0.0.1",
        "_temp_dir": folder,
    }
    try:
        with contextlib.ExitStack() as stack:
            with _environment(own):
                ray = _import_ray()
                stack.enter_context(_session(ray, "cannot start Ray", None, **options))
            yield ray
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _short_folder() -> str:
    """A new folder for temporary files."""
    temp = tempfile.gettempdir()
    if len(temp) > _LONGEST_TEMP_DIR and os.path.isdir("/tmp"):
        temp = "/tmp"
    with storage_errors(Path(temp)):
        return tempfile.mkdtemp(prefix="ppo-", dir=temp)


@contextlib.contextmanager
def _session(ray: Any, complaint: str, hint: str | None, **options: Any) -> Iterator[None]:
    """Ray as long as the block runs.

    Raises:
        UsageError: It cannot be had; the message begins with the complaint.
    """
    if ray.is_initialized():
        raise RuntimeError("this process is connected to Ray already")
    try:
        try:
            with _own_signals():
                ray.init(log_to_driver=False, logging_level=logging.CRITICAL, **options)
        except Exception as error:  # Ray raises errors of many kinds here
            raise UsageError(f"{complaint}: {_in_short(error)}", hint=hint) from error
        yield
    finally:
        ray.shutdown()


@contextlib.contextmanager
def _silence(ray: Any) -> Iterator[None]:
    """Keep Ray from printing what the events tell to the standard output, which may be a JSON document."""
    module = ray._private.worker
    before = module.print_to_stdstream
    module.print_to_stdstream = lambda *_, **__: None
    try:
        yield
    finally:
        module.print_to_stdstream = before


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Keep the decision when to stop here.

    Ray's handler of SIGTERM would end this process, and training without a checkpoint. The processes that are
    started in this block would end when the terminal is closed; that they ignore Ctrl-C is Ray's own doing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    with _blocked_hangup():
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before if before is not None else signal.SIG_DFL)


@contextlib.contextmanager
def _blocked_hangup() -> Iterator[None]:
    if sys.platform == "win32":
        yield
    else:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for the block and for the processes that it starts."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@functools.cache
def _token() -> str:
    """A secret of this process: Ray remembers the first one that it sees."""
    return secrets.token_hex(32)


def _num_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _in_short(error: BaseException) -> str:
    """An error of Ray's in one line; its own text may be pages long, with a traceback in it."""
    cause = getattr(error, "cause", None) or error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    line = lines[-1 if "Traceback" in str(cause) else 0] if lines else ""
    return f"{type(cause).__name__}: {line}" if line else type(cause).__name__
