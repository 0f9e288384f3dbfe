"""Environments spread over processes: the same results, on more than one core.

A worker is a fresh interpreter that steps some of the rows (see :mod:`ppo_cli.envs.worker`). Observations,
rewards and flags lie in memory that all processes share; a pipe carries one byte of command and the answer.
When this process dies, however it dies, the pipes close and the workers end.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import mmap
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppo_cli.envs.backends import LoopBackend, Outcome
from ppo_cli.envs.factory import Env
from ppo_cli.envs.guard import CALL_SECONDS
from ppo_cli.envs.python_path import module_path
from ppo_cli.envs.user_code import agreed_modules
from ppo_cli.errors import PpoError, UsageError

Array = NDArray[Any]

_EXIT_SECONDS = 5.0  # to end after its pipe is closed
_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)

RESET, STEP, END = b"r", b"s", b"e"
OK = b"\0"


class SharedRows:
    """Arrays over R rows in shared memory: what goes to the workers and what comes back.

    Args:
        memory: At least :meth:`size` bytes.
        num_rows: R.
        obs_size: O.
        action_shape: Shape of one action.
        action_dtype: Its type.
    """

    def __init__(
        self, memory: mmap.mmap, num_rows: int, obs_size: int, action_shape: Sequence[int], action_dtype: str
    ) -> None:
        fields = self._fields(num_rows, obs_size, action_shape, action_dtype)
        views, start = [], 0
        for dtype, shape in fields:
            count = int(np.prod(shape))
            views.append(np.frombuffer(memory, dtype, count, start).reshape(shape))
            start += _aligned(count * np.dtype(dtype).itemsize)
        self.seeds, self.rewards, self.actions, self.obs, self.mask, self.terminated, self.truncated = views

    @staticmethod
    def size(num_rows: int, obs_size: int, action_shape: Sequence[int], action_dtype: str) -> int:
        """Bytes that the arrays take."""
        fields = SharedRows._fields(num_rows, obs_size, action_shape, action_dtype)
        return sum(_aligned(int(np.prod(shape)) * np.dtype(dtype).itemsize) for dtype, shape in fields)

    @staticmethod
    def _fields(
        num_rows: int, obs_size: int, action_shape: Sequence[int], action_dtype: str
    ) -> list[tuple[str, tuple[int, ...]]]:
        rows = (num_rows,)
        return [
            ("int64", rows),
            ("float64", rows),
            (action_dtype, (num_rows, *action_shape)),
            ("float32", (num_rows, obs_size)),
            ("bool", rows),
            ("bool", rows),
            ("bool", rows),
        ]


class WorkerBackend:
    """R environments, some of them here and the others in worker processes.

    Args:
        env_id: An id that a fresh interpreter knows too.
        env_kwargs: Arguments of the environment's constructor.
        num_rows: R.
        first: The first of the environments, already made.
        num_workers: How many processes besides this one.
    """

    def __init__(
        self, env_id: str, env_kwargs: Mapping[str, Any], num_rows: int, first: Env, num_workers: int
    ) -> None:
        borders = [num_rows * part // (num_workers + 1) for part in range(num_workers + 2)]
        self._own_rows = borders[1]
        self._own = LoopBackend(env_id, env_kwargs, self._own_rows, first)
        self.spec, self.step_limit, self.action_dtype = (
            self._own.spec,
            self._own.step_limit,
            self._own.action_dtype,
        )
        shape = () if self.spec.action.kind == "discrete" else (self.spec.action.size,)
        layout = (num_rows, self.spec.obs_size, list(shape), self.action_dtype.name)
        self._slots = np.arange(num_rows)  # where in the shared arrays each row is
        with tempfile.TemporaryFile() as file:
            file.truncate(SharedRows.size(*layout))
            self._shared = SharedRows(mmap.mmap(file.fileno(), 0), *layout)
            hello = {"env_id": env_id, "env_kwargs": dict(env_kwargs), "layout": layout}
            hello["agreed"] = agreed_modules()
            self._workers = [
                _Worker(file.fileno(), {**hello, "rows": [start, stop]})
                for start, stop in itertools.pairwise(borders[1:])
            ]

    def reset(self, rows: Sequence[int], seeds: Sequence[int], obs: Array) -> None:
        """See :class:`ppo_cli.envs.backends.Backend`."""
        slots = self._slots[list(rows)]
        self._shared.mask[:] = False
        self._shared.mask[slots] = True
        self._shared.seeds[slots] = seeds
        self._run(RESET)
        obs[list(rows)] = self._shared.obs[slots]

    def step(self, actions: Array, mask: Array, obs: Array) -> Outcome:
        """See :class:`ppo_cli.envs.backends.Backend`."""
        shared, slots = self._shared, self._slots
        shared.mask[:] = False
        shared.mask[slots] = mask
        shared.actions[slots] = actions.reshape(len(actions), *shared.actions.shape[1:])
        self._run(STEP)
        obs[mask] = shared.obs[slots[mask]]
        return shared.rewards[slots], shared.terminated[slots], shared.truncated[slots]

    def keep(self, rows: Sequence[int]) -> None:
        """See :class:`ppo_cli.envs.backends.Backend`. The others stay where they are, and are not stepped."""
        self._slots = self._slots[list(rows)]

    def close(self) -> None:
        """See :class:`ppo_cli.envs.backends.Backend`."""
        for worker in self._workers:
            worker.close()
        self._own.close()

    def _run(self, command: bytes) -> None:
        """Let the workers and this process do the same thing at once, each to its rows."""
        for worker in self._workers:
            worker.send(command)
        serve(command, self._own, self._shared, slice(0, self._own_rows))
        for worker in self._workers:
            worker.wait(self.spec.env_id)


def serve(command: bytes, backend: LoopBackend, shared: SharedRows, rows: slice) -> None:
    """Reset or step the masked environments among ``rows``, which are the rows of ``backend``."""
    mask, obs = shared.mask[rows], shared.obs[rows]
    if command == RESET:
        chosen = mask.nonzero()[0].tolist()
        backend.reset(chosen, shared.seeds[rows][chosen].tolist(), obs)
        return
    rewards, terminated, truncated = backend.step(shared.actions[rows], mask, obs)
    shared.rewards[rows], shared.terminated[rows], shared.truncated[rows] = rewards, terminated, truncated


def _aligned(size: int) -> int:
    return -(-size // 64) * 64


class _Worker:
    """One worker process and its pipes."""

    def __init__(self, memory: int, hello: Mapping[str, Any]) -> None:
        # Ctrl-C and a service manager's SIGTERM reach the whole group; the trainer decides what happens then:
        # a worker blocks these signals, from its first moment, by inheriting the mask.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "ppo_cli.envs.worker", str(memory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                pass_fds=(memory,),
                env={**os.environ, "PYTHONPATH": module_path()},
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self.send(json.dumps(hello).encode() + b"\n")

    def send(self, data: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
        except OSError:
            self._gone()

    def wait(self, env_id: str) -> None:
        """Wait for the answer; what went wrong there is raised here.

        An environment that hangs is told there; this waits for twice as long, for a process that is stopped.
        """
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], 2 * CALL_SECONDS)[0]:
            self._process.kill()
            raise UsageError(
                f"a process that steps {env_id} has not answered for {2 * CALL_SECONDS:.0f} seconds",
                hint="the environment hangs; --set env_workers=0 does without such processes",
                key="env_id",
            )
        answer = self._process.stdout.read(1)
        if answer == OK:
            return
        if not answer:
            self._gone()
        error = json.loads(answer + self._process.stdout.readline())
        if "key" in error:
            raise UsageError(error["message"], hint=error["hint"], key=error["key"] or None)
        raise PpoError(f"a process that steps {env_id} failed: {error['message']}")

    def close(self) -> None:
        """Tell the process to end; a closed pipe may be held open by what an environment has started."""
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.write(END)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(timeout=_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _gone(self) -> None:
        status = self._process.wait()
        if status >= 0 or -status in _CRASHES:  # it never ends by itself
            raise UsageError(
                f"the environment ended a process that steps it (exit status {status})",
                hint="the fault is in the environment, or in env_kwargs",
                key="env_id",
            )
        raise PpoError(
            f"a process that steps environments died (exit status {status})",
            hint="Go on with --resume. --set env_workers=0 does without such processes.",
        )
