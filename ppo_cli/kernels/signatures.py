"""What the functions of the library take and return."""

from __future__ import annotations

import ctypes
from typing import Any

_pointer, _count, _real = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float

SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    # c/update.c
    "update_scratch": (_count, [_pointer, _count]),
    "update": (None, [_pointer, _count, _count] + [_pointer] * 5 + [_count] * 2 + [_pointer] * 2),
    "mean_metrics": (None, [_count] * 2 + [_pointer] * 2),
    "loss_gradient": (
        None,
        [_pointer, _count] + [_pointer] * 3 + [_count, _pointer, _count] + [_pointer] * 3,
    ),
    # c/network.c
    "forward_tape": (_count, [_pointer, _count]),
    "forward": (None, [_pointer] * 3 + [_count] + [_pointer] * 3),
    "backward_scratch": (_count, [_pointer]),
    "backward": (_real, [_pointer, _pointer, _count] + [_pointer] * 6),
    "take_step": (None, [_pointer, _count] + [_pointer] * 5),
    # c/judge.c
    "judge_scratch": (_count, [_pointer]),
    "judge": (None, [_pointer, _count, _count] + [_pointer, _count] * 2 + [_pointer] * 2),
    "gae": (None, [_count] * 3 + [_pointer]),
    "rewards_to_go": (None, [_count] * 3 + [_pointer]),
    "explained_variance": (None, [_count] + [_pointer] * 2),
    # c/act.c
    "actor_memory": (_count, [_pointer, _count]),
    "prepare_actors": (None, [_pointer, _count] * 2 + [_count, _pointer, _count]),
    "act": (None, [_pointer] + [_count] * 2 + [_pointer, _count] * 2 + [_pointer, _pointer, _count]),
    "bend": (None, [_count, _pointer, _pointer]),
    # c/environments.c
    "reset_environments": (None, [_pointer, _count] + [_pointer] * 6),
    "step_environments": (None, [_pointer, _count] + [_pointer] * 8),
    # c/streams.c
    "episode_seeds": (None, [_pointer, _count, ctypes.c_uint64, _count] + [_pointer] * 3),
    "stream_generators": (None, [_count, _pointer] + [ctypes.c_uint64] * 2 + [_pointer]),
    "permutations": (None, [_count] * 2 + [_pointer] + [ctypes.c_uint64] * 2 + [_count] * 2 + [_pointer]),
    # c/play.c
    "play_scratch": (_count, [_pointer, _count]),
    "play": (
        None,
        [_pointer, _count, _count] + [_pointer] * 4 + [_count] + [_pointer] * 4 + [_count, _pointer],
    ),
}
"""Result and arguments of each function."""


def declare(lib: ctypes.CDLL) -> ctypes.CDLL:
    """Say what the library's functions take and return; returns the library.

    Raises:
        AttributeError: It lacks one of them.
    """
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib
