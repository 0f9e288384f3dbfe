"""Run a job in the worker process of a node. What it prints goes to a log in the sweep's folder."""

from __future__ import annotations

import contextlib
import os
import signal
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ppo_cli.sweeps.work.events import JobEvent
from ppo_cli.sweeps.work.job import Job, RunJob
from ppo_cli.sweeps.work.ray.messages import Line
from ppo_cli.sweeps.work.ray.starting import import_ray
from ppo_cli.sweeps.work.worker_log import kept_short, open_log


def do_job(run_job: RunJob, data: Mapping[str, Any], board: Any, key: str) -> dict[str, Any]:
    """Do a job: the task. Its end is the answer; a failure is left at the board, and the process ends.

    What an exception leaves behind in a process, locks above all, must not reach the next job.
    """
    job = Job.from_json(data)
    line = Line(board, key)
    try:
        log = _log_to(job.folder)
        node = import_ray().get_runtime_context().get_node_id()
        line.tell({"node": node, "address": _address(), "pid": os.getpid(), "log": str(log)})
        with kept_short(log):
            result = run_job(job, lambda message: line.tell(_progress(job, message)), line.stop)
        return JobEvent.of(job.id, "ended", result).to_json()
    except BaseException as error:  # an environment may call sys.exit, which would look like a crash
        traceback.print_exc()
        line.tell(JobEvent.failure(job.id, error).to_json())
        os._exit(1)


def end_process(pid: int) -> None:
    """End a process of this node that hangs. A cancelled task need not be gone when Ray says so; this is."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def _progress(job: Job, message: Mapping[str, Any]) -> dict[str, Any]:
    return JobEvent.of(job.id, "progress", message).to_json()


def _log_to(folder: Path) -> Path:
    """Let all output of this process go to a file in the sweep's folder.

    Raises:
        StorageError: It cannot be written; above all, the folder is not there on this node.
    """
    path = folder / "logs" / f"ray-{_address()}-{os.getpid()}.log"
    with open_log(path) as fd:
        for stream in (1, 2):
            os.dup2(fd, stream)
    return path


def _address() -> str:
    return str(import_ray().util.get_node_ip_address())
