"""NumPy arrays as the kernels take them: addresses of members' rows, and memory to work in."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

Result = TypeVar("Result")


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


def for_members(count: int, work: Callable[[int], Result], num_threads: int = 1) -> list[Result]:
    """``work(m)`` for each member; a call of the library lets other threads run meanwhile."""
    if num_threads <= 1 or count <= 1:
        return [work(member) for member in range(count)]
    with ThreadPoolExecutor(min(num_threads, count)) as pool:
        return list(pool.map(work, range(count)))
