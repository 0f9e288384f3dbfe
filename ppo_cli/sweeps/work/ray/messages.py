"""Messages between jobs and their supervisor, and the board where they leave them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from ppo_cli.sweeps.work.ray.nodes import on_node
from ppo_cli.sweeps.work.ray.starting import import_ray

_SIGN_SECONDS = 0.5  # between two signs of life of a job; with each it hears whether to stop


class Board:
    """An actor between the jobs and their supervisor. When it dies and starts anew, only progress is lost."""

    def __init__(self) -> None:
        self._messages: list[tuple[str, Mapping[str, Any] | None]] = []
        self._stopped: frozenset[str] = frozenset()

    def tell(self, key: str, message: Mapping[str, Any] | None) -> bool:
        """Leave a message; the answer is whether the job is to stop."""
        self._messages.append((key, message))
        return key in self._stopped

    def exchange(self, stopped: Iterable[str]) -> list[tuple[str, Mapping[str, Any] | None]]:
        """Say which jobs are to stop; take the messages."""
        self._stopped = frozenset(stopped)
        messages, self._messages = self._messages, []
        return messages


def start_board(ray: Any) -> Any:
    """Start the board beside this process, so that both are lost together or not at all."""
    here = on_node(ray, ray.get_runtime_context().get_node_id())
    options = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1, "scheduling_strategy": here}
    return ray.remote(**options)(Board).remote()


class Line:
    """A job's line to the board.

    Args:
        board: The board.
        key: The job's key there.
    """

    def __init__(self, board: Any, key: str) -> None:
        self._ray = import_ray()
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
