"""TensorBoard event files, written without TensorBoard.

An event file is a sequence of TFRecords: length (8 bytes), masked CRC-32C of it, data, masked CRC-32C of it.
The data are protocol buffers of which three messages are needed: Event (1 wall_time, 2 step, 3 file_version,
5 summary), Summary (1 value) and Value (1 tag, 2 simple_value). TensorFlow documents the formats in its
``record_writer.h`` and ``event.proto``.

TensorBoard's own writer cannot cut a file back to a checkpoint and go on in it, writes from a thread of its
own, and would bring 15 MB of TensorBoard and protobuf to every user. In the tests TensorBoard reads ours.
"""

from __future__ import annotations

import struct
from pathlib import Path

from ppo_cli.storage.files import AppendFile


class EventWriter:
    """Writes scalars to an event file, kept in memory until :meth:`flush`.

    Args:
        path: The file, started anew; TensorBoard wants ``tfevents`` in its name.
        wall_time: When the run began, in seconds since 1970.

    Raises:
        StorageError: It cannot be written.
    """

    def __init__(self, path: str | Path, wall_time: float = 0.0) -> None:
        version = struct.pack("<Bd", 0x09, wall_time) + _bytes_field(3, b"brain.Event:2")
        self._file = AppendFile.create(Path(path), _record(version))

    @classmethod
    def open_at(cls, path: str | Path, size: int) -> EventWriter:
        """Go on with an existing file after its first ``size`` bytes; what comes after them is cut off.

        Raises:
            CorruptFileError: The file is gone or shorter.
            StorageError: It cannot be written.
        """
        file = AppendFile.open_at(Path(path), size)
        file.cut_back()
        writer = cls.__new__(cls)
        writer._file = file
        return writer

    @property
    def size(self) -> int:
        """Length of the file in bytes, without what is not flushed yet."""
        return self._file.size

    def scalar(self, tag: str, value: float, step: int, wall_time: float) -> None:
        """Add one number.

        Args:
            tag: Its name, such as ``rollout/episode_return``.
            value: The number, kept in 32 bits.
            step: The ``global_step`` that it belongs to, at least 0.
            wall_time: When it was measured, in seconds since 1970.
        """
        summary = _bytes_field(1, _bytes_field(1, tag.encode()) + b"\x15" + _float32(value))
        event = struct.pack("<Bd", 0x09, wall_time) + b"\x10" + _varint(step) + _bytes_field(5, summary)
        self._file.append(_record(event))

    def flush(self) -> None:
        """Write what was added: it survives the death of this process.

        Raises:
            StorageError: The disk is full; what was added is kept for another try.
        """
        self._file.flush()

    def sync(self) -> int:
        """Write what was added and make it durable. To do before a checkpoint.

        Returns:
            The file's length in bytes, for :meth:`open_at`.

        Raises:
            StorageError: The disk is full or failed.
        """
        return self._file.sync()

    def close(self) -> None:
        """Write what was added and close the file."""
        self._file.close()


def crc32c(data: bytes) -> int:
    """CRC-32 with the Castagnoli polynomial (RFC 3720), which TFRecords use; zlib's is another."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _table() -> list[int]:
    table = []
    for crc in range(256):
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table


_TABLE = _table()


def _record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return b"".join([length, _masked_crc(length), data, _masked_crc(data)])


def _masked_crc(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def _bytes_field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(data)) + data


def _float32(value: float) -> bytes:
    try:
        return struct.pack("<f", value)
    except OverflowError:  # beyond 32 bits
        return struct.pack("<f", float("inf") if value > 0 else float("-inf"))


def _varint(value: int) -> bytes:
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)
