"""A worker process of :mod:`ppo_cli.envs.workers`: ``python -m ppo_cli.envs.worker FD``.

It reads one line of JSON that says which environments to make, then commands of one byte, until its standard
input ends or says so.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import sys
from io import FileIO

from ppo_cli.envs.backends import LoopBackend
from ppo_cli.envs.factory import make_env
from ppo_cli.envs.leftovers import end_children
from ppo_cli.envs.user_code import agree
from ppo_cli.envs.workers import END, OK, SharedRows, serve
from ppo_cli.errors import UsageError


def main(memory_fd: int, commands: FileIO, answers: FileIO) -> None:
    """Serve until ``commands`` ends."""
    hello = json.loads(commands.readline())
    memory = mmap.mmap(memory_fd, 0)
    os.close(memory_fd)
    rows = slice(*hello["rows"])
    shared = SharedRows(memory, *hello["layout"])
    env_id, env_kwargs = hello["env_id"], hello["env_kwargs"]
    agree(hello["agreed"])
    backend: LoopBackend | None = None
    while (command := commands.read(1)) not in (b"", END):
        try:
            if backend is None:  # made here, so that what goes wrong has a command to answer
                first = make_env(env_id, env_kwargs)
                backend = LoopBackend(env_id, env_kwargs, rows.stop - rows.start, first)
            serve(command, backend, shared, rows)
            answer = OK
        except Exception as error:
            answer = json.dumps(_described(error)).encode() + b"\n"
        answers.write(answer)


def _described(error: Exception) -> dict[str, str | None]:
    """Describe an error so that the trainer can raise it: only a user's error has a key."""
    if isinstance(error, UsageError):
        return {"message": error.message, "hint": error.hint, "key": error.key or ""}
    return {"message": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    answers_fd = os.dup(1)
    os.dup2(2, 1)  # what an environment prints must not be taken for an answer
    with (
        os.fdopen(0, "rb", buffering=0) as commands,
        os.fdopen(answers_fd, "wb", buffering=0) as answers,
        contextlib.suppress(BrokenPipeError),
    ):
        main(int(sys.argv[1]), commands, answers)
    end_children()
    os._exit(0)  # an environment may have left threads behind that never end
