"""A worker of a sweep whose jobs do what a test says: a job's command names a function of this file."""

from __future__ import annotations

import ctypes
import faulthandler
import itertools
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from ppo_cli.config.schema import RunConfig
from ppo_cli.errors import StorageError
from ppo_cli.sweeps.work.job import Job, JobRun, Tell
from ppo_cli.sweeps.work.local import worker
from ppo_cli.sweeps.work.local.worker import main

WORKER = (sys.executable, __file__)
ANSWERS = 9  # where a job here can write what is no answer

Stop = Callable[[], bool]


def fake_job(folder: Path, command: str, job_id: str = "0000", **fields: Any) -> Job:
    """A job for this worker; the configuration of its one run does not matter."""
    run = JobRun("a-s1", RunConfig(env_id="CartPole-v1"))
    return Job(id=job_id, folder=folder, runs=(run,), command=command, **fields)


def run_fake_job(job: Job, tell: Tell, stop: Stop) -> Any:
    """Tell this process's number, then do what the job's command says."""
    tell({"notices": [str(os.getpid())]})
    return globals()[f"_{job.command.split()[0]}"](job, tell, stop)


def _train(job: Job, tell: Tell, stop: Stop) -> Mapping[str, Any]:
    for step in (100, 200):
        tell({"kind": "progress", "runs": {"a-s1": state("training", step, step / 300)}})
    return {"runs": {"a-s1": state("completed", 300, 1.0, 475.5)}, "notices": ["a word to the user"]}


def state(status: str, step: int, fraction: float, mean: float | None = None) -> dict[str, Any]:
    return {"status": status, "global_step": step, "fraction": fraction, "eval": mean, "reason": None}


def _probe(job: Job, tell: Tell, stop: Stop) -> Mapping[str, Any]:
    return {"probe": {"iteration_seconds": 0.25}}


def _nothing(job: Job, tell: Tell, stop: Stop) -> None:
    return None


def _bug(job: Job, tell: Tell, stop: Stop) -> NoReturn:
    raise KeyError("gone")


def _disk_full(job: Job, tell: Tell, stop: Stop) -> NoReturn:
    raise StorageError("cannot write x: No space left on device", hint="Free some space.")


def _sys_exit(job: Job, tell: Tell, stop: Stop) -> NoReturn:
    sys.exit(0)


def _os_exit(job: Job, tell: Tell, stop: Stop) -> NoReturn:
    print("the library gives up", file=sys.stderr, flush=True)
    os._exit(int(job.command.split()[1]))


def _hush(job: Job, tell: Tell, stop: Stop) -> NoReturn:
    os._exit(int(job.command.split()[1]))


def _kill(job: Job, tell: Tell, stop: Stop) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _crash(job: Job, tell: Tell, stop: Stop) -> None:
    faulthandler._sigsegv()  # type: ignore[attr-defined]


def _spin(job: Job, tell: Tell, stop: Stop) -> None:
    sum(range(10**13))  # in C, and no other thread gets to run


def _regex(job: Job, tell: Tell, stop: Stop) -> None:
    re.match(r"(a+)+$", "a" * 60 + "b")


def _freeze(job: Job, tell: Tell, stop: Stop) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _family(job: Job, tell: Tell, stop: Stop) -> None:
    """A child that reads nothing, and this process does neither."""
    child = subprocess.Popen([sys.executable, "-c", "sum(range(10**13))"])
    tell({"notices": [str(child.pid)]})
    sum(range(10**13))


def _orphan(job: Job, tell: Tell, stop: Stop) -> None:
    """Die, but leave a child that holds all pipes open."""
    child = os.fork()
    if not child:
        time.sleep(600)
    tell({"notices": [str(child)]})
    os._exit(3)


def _until_stopped(job: Job, tell: Tell, stop: Stop) -> Mapping[str, Any]:
    while not stop():
        time.sleep(0.01)
    return {"runs": {"a-s1": state("interrupted", 128, 0.5)}}


def _until_released(job: Job, tell: Tell, stop: Stop) -> Mapping[str, Any]:
    while not (job.folder / "released").exists():
        time.sleep(0.01)
    return {}


def _stubborn(job: Job, tell: Tell, stop: Stop) -> Mapping[str, Any]:
    """Go on for some seconds, whoever asks for a stop."""
    for _ in range(int(float(job.command.split()[1]) * 100)):
        stop()
        time.sleep(0.01)
    return {}


def _train_until_stopped(job: Job, tell: Tell, stop: Stop) -> Mapping[str, Any]:
    """Train, and after some questions whether to stop wait until that is so."""
    from ppo_cli.sweeps.work.run_job import run_job

    questions = itertools.count()

    def stop_after_a_while() -> bool:
        while next(questions) > 20 and not stop():
            time.sleep(0.01)
        return stop()

    return run_job(job, tell, stop_after_a_while)


def _is_stopped(job: Job, tell: Tell, stop: Stop) -> Mapping[str, Any]:
    time.sleep(0.1)
    return {"notices": [str(stop())]}


def _chatter(job: Job, tell: Tell, stop: Stop) -> Mapping[str, Any]:
    """Print to standard output in every way there is, and ask for input."""
    print('{"job": "0000", "kind": "failed"}', flush=True)
    os.write(1, b"from below\n")
    ctypes.CDLL(None).puts(b"from C")
    ctypes.CDLL(None).fflush(None)
    subprocess.run(["echo", "from a child"], check=True)
    return {"notices": [repr(sys.stdin.read())]}


def _babble(job: Job, tell: Tell, stop: Stop) -> Mapping[str, Any]:
    """Print 20 MB; then go on until stopped, or die."""
    lines = "\n".join(f"{number:99}" for number in range(100))
    for _ in range(2000):
        print(lines, flush=True)
    print("that was all", flush=True)
    if len(job.command.split()) > 1:
        _hush(job, tell, stop)
    tell({"notices": ["that was all"]})
    return _until_stopped(job, tell, stop)


def _flood(job: Job, tell: Tell, stop: Stop) -> Mapping[str, Any]:
    for step in range(5000):
        tell({"runs": {"a-s1": state("training", step, 0.0)}, "notices": [str(step)]})
    return {}


def _garbage(job: Job, tell: Tell, stop: Stop) -> None:
    os.write(ANSWERS, bytes.fromhex(job.command.split()[1]))
    time.sleep(600)


def _torn(job: Job, tell: Tell, stop: Stop) -> None:
    os.write(ANSWERS, b'{"job": "0000", "kind": "end')
    os._exit(0)


def _cores(job: Job, tell: Tell, stop: Stop) -> Mapping[str, Any]:
    cores = {tuple(sorted(os.sched_getaffinity(int(task)))) for task in os.listdir("/proc/self/task")}
    return {"notices": [str(sorted(cores))]}


if __name__ == "__main__":
    os.dup2(1, ANSWERS)
    worker._SIGN_SECONDS = 0.1  # of those that are not silent, every second is heard
    main(run_fake_job)
