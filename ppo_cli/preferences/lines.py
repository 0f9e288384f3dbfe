"""Files of JSON documents, one a line, that only grow: read with care, appended durably. No torch, no NumPy.

A line is on the disk before :meth:`LineWriter.append` returns. A process that is killed while it writes
leaves a torn last line, and nothing else: that line is dropped, and said.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ppo_cli.errors import CorruptFileError
from ppo_cli.storage.files import AppendFile, corrupt, read_file
from ppo_cli.storage.json_file import strict

MAX_FILE_BYTES = 256 * 2**20
Record = TypeVar("Record")


def read_lines(
    path: Path,
    parse: Callable[[dict[str, Any]], Record],
    *,
    max_line: int,
    max_lines: int,
    notice: Callable[[str], None] = lambda _: None,
) -> list[Record]:
    """The records of a file; none where there is no file yet.

    Args:
        path: The file.
        parse: Makes a record of a document; raises ValueError, KeyError or TypeError for a wrong one.
        max_line: The most bytes of a line.
        max_lines: The most lines.
        notice: Told of a torn last line, which is dropped.

    Raises:
        CorruptFileError: A line is too long, is no JSON object, or is not what ``parse`` takes.
    """
    if not os.path.lexists(path):
        return []
    data = read_file(path, MAX_FILE_BYTES)
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        notice(f"{path}: the last line, {len(data) - len(whole)} bytes, was torn by a crash and is dropped")
    lines = whole.split(b"\n")[:-1]
    if len(lines) > max_lines:
        raise corrupt(path, f"has {len(lines):,} lines, at most {max_lines:,} are accepted")
    return [_record(path, number, line, parse, max_line) for number, line in enumerate(lines, start=1)]


def _record(
    path: Path, number: int, line: bytes, parse: Callable[[dict[str, Any]], Record], max_line: int
) -> Record:
    try:
        if len(line) > max_line:
            raise ValueError(f"it is {len(line):,} bytes long, at most {max_line:,} are accepted")
        document = json.loads(line.decode(), parse_constant=_refuse_constant)
        if not isinstance(document, dict):
            raise ValueError("it is no JSON object")
        return parse(document)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        what = f"has no {error}" if isinstance(error, KeyError) else str(error)[:200]
        raise CorruptFileError(
            f"{path}, line {number}: {what}",
            hint="remove the line, or take the file from a backup",
            file=path,
            line=number,
        ) from None


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


class LineWriter:
    """Appends documents to a file. The caller holds the lock of its folder.

    Args:
        file: The open file.
    """

    def __init__(self, file: AppendFile) -> None:
        self._file = file

    @classmethod
    @contextlib.contextmanager
    def open(cls, path: Path) -> Iterator[LineWriter]:
        """Open a file to append to, made if it is not there; a torn last line is cut off.

        Raises:
            StorageError: It cannot be written.
            CorruptFileError: A symbolic link, or something that is no regular file, is in its place.
        """
        if os.path.lexists(path):
            data = read_file(path, MAX_FILE_BYTES)
            file = AppendFile.open_at(path, data.rfind(b"\n") + 1)
            file.cut_back()
        else:
            file = AppendFile.create(path, b"")
        try:
            yield cls(file)
        finally:
            file.close()

    def append(self, documents: Sequence[Mapping[str, Any]]) -> None:
        """Append documents, a line each, and wait until they are on the disk.

        Raises:
            StorageError: The disk is full or cannot be written; none of these lines is there.
        """
        for document in documents:
            text = json.dumps(strict(document), separators=(",", ":"), allow_nan=False)
            self._file.append(text.encode() + b"\n")
        self._file.sync()
