"""CSV files that are written while a run trains and cut back when it is resumed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ppo_cli.storage.files import AppendFile, corrupt

_MAX_HEAD_BYTES = 2**16


class CsvLog:
    """A CSV file with fixed columns, written row by row.

    Rows are kept in memory until :meth:`flush`, which writes whole lines. Numbers are written as ``repr``
    writes them: equal numbers give equal bytes, and reading a float back gives the same float.

    Args:
        path: The file; it is started anew. To go on with one, see :meth:`open_at`.
        columns: The names in the header line.
        comment: Written as JSON after a ``#`` on a first line of its own, as Stable-Baselines3 does.

    Raises:
        StorageError: It cannot be written.
    """

    def __init__(
        self, path: str | Path, columns: Sequence[str], comment: Mapping[str, Any] | None = None
    ) -> None:
        first = "" if comment is None else f"#{json.dumps(dict(comment))}\n"
        self._start(AppendFile.create(Path(path), (first + _line(columns)).encode()), columns)

    @classmethod
    def open_at(cls, path: str | Path, columns: Sequence[str], size: int) -> CsvLog:
        """Go on with an existing file after its first ``size`` bytes; what comes after them is cut off.

        Args:
            path: The file.
            columns: Its columns; they must be the ones in the file.
            size: What :meth:`sync` returned when the checkpoint was made, in bytes.

        Raises:
            CorruptFileError: The file is shorter, has other columns, or no line ends there.
            StorageError: It cannot be written.
        """
        file = AppendFile.open_at(Path(path), size)
        try:
            _check_columns(file, columns)
            file.cut_back()
        except BaseException:
            file.abandon()
            raise
        log = cls.__new__(cls)
        log._start(file, columns)
        return log

    def _start(self, file: AppendFile, columns: Sequence[str]) -> None:
        self._file = file
        self._columns = tuple(columns)
        self._known = frozenset(columns)

    @property
    def path(self) -> Path:
        """The file."""
        return self._file.path

    @property
    def size(self) -> int:
        """Length of the file in bytes, without the rows that are not flushed yet."""
        return self._file.size

    def append(self, row: Mapping[str, Any]) -> None:
        """Add a row. A column without a value stays empty.

        Raises:
            ValueError: ``row`` names a column that the file does not have.
        """
        if not row.keys() <= self._known:
            raise ValueError(f"{self.path.name} has no column {sorted(row.keys() - self._known)}")
        get = row.get
        self._file.append(_line([get(column) for column in self._columns]).encode())

    def flush(self) -> None:
        """Write the rows so far: they survive the death of this process.

        Raises:
            StorageError: The disk is full. The file ends with a whole line; the rows are kept to try again.
        """
        self._file.flush()

    def sync(self) -> int:
        """Write the rows so far and make them durable: they survive a power loss. To do before a checkpoint.

        Returns:
            The file's length in bytes, for :meth:`open_at`.

        Raises:
            StorageError: The disk is full or failed.
        """
        return self._file.sync()

    def close(self) -> None:
        """Write the rows so far and close the file."""
        self._file.close()


def _line(values: Sequence[Any]) -> str:
    return ",".join([repr(value) if type(value) is float else _field(value) for value in values]) + "\n"


def _field(value: Any) -> str:
    """Write one value as CSV text: None is empty, NumPy's numbers look like Python's, text is quoted at need.

    The standard library's writer leaves a carriage return unquoted, which then ends a row (Python 3.11), and
    takes a quarter longer for a row of numbers.
    """
    if value is None:
        return ""
    if type(value) is int:
        return str(value)
    item = getattr(value, "item", None)  # a NumPy number; repr(np.float64(1)) would name its type
    text = str(value if item is None else item())
    if any(character in text for character in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _check_columns(file: AppendFile, columns: Sequence[str]) -> None:
    """Refuse a file whose columns are others, or that has no line end at its ``size``."""
    head = file.read(0, min(file.size, _MAX_HEAD_BYTES))
    lines = [line for line in head.splitlines(keepends=True) if not line.startswith(b"#")]
    if lines[:1] != [_line(columns).encode()]:
        raise corrupt(file.path, "has other columns than this version of ppo writes")
    if file.read(file.size - 1, 1) != b"\n":
        raise corrupt(file.path, f"has no line end at byte {file.size:,}, where its checkpoint was made")
