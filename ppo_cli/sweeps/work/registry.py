"""The executors by name, and how one is opened. A new one is a folder beside ``local``, and an entry here."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ppo_cli.errors import UsageError
from ppo_cli.sweeps.work.executor import Executor
from ppo_cli.sweeps.work.machine import usable_cores


@dataclass(frozen=True)
class ExecutorOptions:
    """Which executor carries out the jobs, and how.

    Attributes:
        name: A key of ``EXECUTORS``.
        ray_address: The Ray cluster; None starts a Ray on this machine.
        workers: Populations side by side; None for one per core.
        timeout: Seconds without a sign of life after which a worker is replaced.
    """

    name: str = "local"
    ray_address: str | None = None
    workers: int | None = None
    timeout: float = 300.0

    def __post_init__(self) -> None:
        """Refuse an executor that there is not.

        Raises:
            UsageError: There is none of this name.
        """
        if self.name not in EXECUTORS:
            text = f"--executor {self.name[:60]!r} is not known"
            raise UsageError(text, hint=" or ".join(EXECUTORS), key="executor")

    @property
    def pins_cores(self) -> bool:
        """Whether the executor keeps each job to some cores of this machine."""
        return EXECUTORS[self.name].pins_cores


@contextlib.contextmanager
def open_executor(options: ExecutorOptions, folder: Path) -> Iterator[Executor]:
    """An executor for the jobs of a sweep; nothing that it has started is left after the block.

    Args:
        options: Which one.
        folder: The sweep's folder.

    Raises:
        UsageError: A library is missing, or the cluster cannot be reached or used.
        StorageError: The folder cannot be written.
    """
    executor = EXECUTORS[options.name].make(options, folder)
    try:
        yield executor
    finally:
        executor.close()


@dataclass(frozen=True)
class ExecutorKind:
    """A way to carry out jobs.

    Attributes:
        make: Makes the executor for a sweep's folder. It imports what it needs, so that others need not.
        pins_cores: Whether it keeps each job to some cores of this machine.
    """

    make: Callable[[ExecutorOptions, Path], Executor]
    pins_cores: bool


def _local(options: ExecutorOptions, folder: Path) -> Executor:
    from ppo_cli.sweeps.work.local.executor import LocalExecutor

    return LocalExecutor(options.workers or len(usable_cores()), hang_timeout=options.timeout)


def _ray(options: ExecutorOptions, folder: Path) -> Executor:
    from ppo_cli.sweeps.work.ray.executor import RayExecutor

    cpus = options.workers if options.ray_address is None else None
    return RayExecutor(options.ray_address, folder, hang_timeout=options.timeout, num_cpus=cpus)


EXECUTORS = {
    "local": ExecutorKind(_local, pins_cores=True),
    "ray": ExecutorKind(_ray, pins_cores=False),
}
