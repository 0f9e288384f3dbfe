"""NumPy arrays as the kernels take them: addresses of members' rows, and memory to work in."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np


class Rows:
    """Where the members' rows of an array ``[M, ...]`` lie; nowhere when there is no array.

    Args:
        array: Each of its rows contiguous; it has to outlive this object's use.
        dtype: What it has to hold.

    Attributes:
        stride: Bytes from a member's row to the next one's.

    Raises:
        ValueError: It is another type, or its rows are not contiguous.
    """

    def __init__(self, array: np.ndarray | None, dtype: Any = np.float32) -> None:
        self._array, self.stride = array, 0
        if array is None:
            return
        if array.dtype != dtype:
            raise ValueError(f"the kernels take {np.dtype(dtype)} here, got {array.dtype}")
        if not array.flags.c_contiguous and len(array) and not array[0].flags.c_contiguous:
            raise ValueError(f"the kernels take contiguous rows, got strides {array.strides}")
        self._address, self.stride = address(array), array.strides[0]

    def at(self, member: int) -> int | None:
        """The address of a member's row."""
        return None if self._array is None else self._address + member * self.stride


def address(array: np.ndarray) -> int:
    """Where an array begins: ``array.ctypes.data`` in a fifth of its time, where that is possible."""
    try:
        return ctypes.addressof(_Byte.from_buffer(array.data))
    except (TypeError, ValueError):  # it is empty, not contiguous, or not to be written to
        return int(array.ctypes.data)


_Byte = ctypes.c_char


def pair(
    kind: type[ctypes.Structure],
    arrays: Mapping[str, np.ndarray | None],
    kinds: Mapping[str, Any] | None = None,
    **same: int,
) -> ctypes.Array[Any]:
    """Two structs of addresses, see ``c/members.h``: of member 0, and how much further the next one's lie.

    Args:
        kind: The struct.
        arrays: Its fields: arrays whose rows are the members'; None for NULL. They have to outlive its use.
        kinds: What they have to hold, where it is not float32.
        **same: Fields that are the same for all members.

    Raises:
        ValueError: One is another type, or its rows are not contiguous.
    """
    kinds = kinds or {}
    first, further = kind(**same), kind()
    for name, array in arrays.items():
        if array is None:
            continue
        rows = Rows(array, kinds.get(name, np.float32))
        setattr(first, name, rows.at(0))
        setattr(further, name, rows.stride)
    return (kind * 2)(first, further)


class _Scratch(threading.local):
    memory: np.ndarray = np.empty(0, np.uint8)
    address: int = 0


_scratch = _Scratch()


def scratch(size: int) -> int:
    """The address of ``size`` bytes of this thread's, whose content nobody relies on."""
    if _scratch.memory.size < size:
        _scratch.memory = np.empty(size, np.uint8)
        _scratch.address = address(_scratch.memory)
    return _scratch.address


PIECES = 4
"""Ranges of members for each thread: a thread that is slowed down takes fewer of them."""


def for_ranges(count: int, work: Callable[[int, int], None], num_threads: int = 1) -> None:
    """``work(first, size)`` for ranges of members; a call of the library lets other threads run meanwhile.

    Args:
        count: Members in all.
        work: What to do with ``size`` members from ``first`` on.
        num_threads: Ranges at work at once.
    """
    if num_threads <= 1 or count <= 1:
        work(0, count)
        return
    size = max(1, count // (PIECES * num_threads))
    starts = range(0, count, size)
    list(_pool(num_threads).map(lambda first: work(first, min(size, count - first)), starts))


@cache
def _pool(num_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(num_threads, thread_name_prefix="kernels")
