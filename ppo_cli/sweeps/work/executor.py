"""``Executor``: the interface of whoever carries out jobs, which the sweep's runner works with."""

from __future__ import annotations

from typing import Protocol

from ppo_cli.sweeps.work.events import JobEvent
from ppo_cli.sweeps.work.job import Job


class Executor(Protocol):
    """Carries out jobs side by side. One thread calls all of it."""

    @property
    def slots(self) -> int:
        """The number of jobs that may be under way at once."""

    def start(self, job: Job) -> None:
        """Begin a job; only when fewer than :attr:`slots` are under way.

        Raises:
            StorageError: The log in the sweep's folder cannot be written.
        """

    def wait(self, seconds: float) -> list[JobEvent]:
        """Wait for events; as soon as there is one, return all that there are.

        Args:
            seconds: The longest wait. A supervisor calls this steadily, a few times per second: a worker that
                hangs is noticed here.
        """

    def stop(self) -> None:
        """Ask every job that is under way to stop with a checkpoint; :meth:`wait` reports how they ended."""

    def close(self) -> None:
        """Leave nothing running, whatever state it was in. Closing twice does nothing."""
