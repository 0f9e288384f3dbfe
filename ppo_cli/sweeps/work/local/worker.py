"""The program of a worker process: ``python -m ppo_cli.sweeps.work.local.worker``.

Its standard input brings jobs and requests to stop, one line each; its standard output takes the answers, one
JSON line each, and empty lines as signs of life. Everything else that is printed here goes to its standard
error. When the input ends, nobody is left to work for, and the process ends at once.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import queue
import threading
import time
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from ppo_cli.storage.files import write_all
from ppo_cli.sweeps.work.events import JobEvent
from ppo_cli.sweeps.work.job import Job, RunJob

STOP = b'{"stop": true}\n'
SIGN_OF_LIFE = b"\n"

_SIGN_SECONDS = 1.0


class Worker:
    """Does one job after the other.

    Args:
        run_job: What does a job (see :func:`ppo_cli.sweeps.work.run_job.run_job`).
        commands: Where jobs come from.
        answers: File descriptor for what is reported of them.
    """

    def __init__(self, run_job: RunJob, commands: BinaryIO, answers: int) -> None:
        self._run_job = run_job
        self._commands = commands
        self._answers = answers
        self._writing = threading.Lock()
        self._jobs: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._last_sign = 0.0
        self._own_cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()

    def serve(self) -> NoReturn:
        """Work until the commands end."""
        threading.Thread(target=self._listen, name="commands", daemon=True).start()
        while True:
            job = Job.from_json(json.loads(self._jobs.get()))
            _pin(job.cores or self._own_cores)
            self._send(json.dumps(self._outcome(job).to_json()).encode() + b"\n")

    def _listen(self) -> None:
        """Take commands as they come, also in the middle of a job. A line that is cut off is the end, too."""
        for line in self._commands:
            if line == STOP:
                self._stopping.set()
            elif line.endswith(b"\n"):
                self._stopping.clear()  # a stop that came before this job was not for it
                self._jobs.put(line)
        os._exit(0)

    def _outcome(self, job: Job) -> JobEvent:
        def tell(message: Mapping[str, Any]) -> None:
            event = JobEvent.of(job.id, "progress", message)
            self._send(json.dumps(event.to_json()).encode() + b"\n")

        try:
            return JobEvent.of(job.id, "ended", self._run_job(job, tell, self._stop))
        except BaseException as error:  # an environment may call sys.exit, which would look like a crash
            _print_traceback()
            return JobEvent.failure(job.id, error)

    def _stop(self) -> bool:
        """Whether to stop. Asking is a sign of life where the work is done: in the main thread."""
        now = time.monotonic()
        if now - self._last_sign >= _SIGN_SECONDS and threading.current_thread() is threading.main_thread():
            self._last_sign = now
            self._send(SIGN_OF_LIFE)
        return self._stopping.is_set()

    def _send(self, line: bytes) -> None:
        try:
            with self._writing:
                write_all(self._answers, line)
        except OSError:
            os._exit(0)  # nobody reads the answers


def main(run_job: RunJob) -> NoReturn:
    """Serve on standard input and output, which nothing else in this process can reach from then on.

    Args:
        run_job: What does a job.
    """
    faulthandler.enable()  # a crash in C code leaves a trace in the log
    commands, answers = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)  # what an environment prints must not be taken for an answer
    try:
        Worker(run_job, os.fdopen(commands, "rb"), answers).serve()
    except BaseException:
        _print_traceback()
        os._exit(1)  # without waiting for the thread that reads


def _print_traceback() -> None:
    """Print the exception being handled into the log, which a full disk may not take."""
    with contextlib.suppress(OSError):
        traceback.print_exc()


def _pin(cores: Iterable[int]) -> None:
    """Keep this process, with the threads that it has already, to some cores; a wish, where it can be had."""
    if not hasattr(os, "sched_setaffinity"):
        return
    chosen = set(cores)
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            os.sched_setaffinity(int(thread.name), chosen)


if __name__ == "__main__":
    from ppo_cli.sweeps.work.run_job import run_job

    main(run_job)
