"""Folders that users name (runs, sweeps, preference sets): how one is made, found and listed.

A folder is known by the file that it must hold, its *marker*: ``config.yaml`` makes a run, ``sweep.yaml``
a sweep, ``preferences.yaml`` a preference set.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import os
import re
import socket
import unicodedata
import zlib
from dataclasses import dataclass
from pathlib import Path

from ppo_cli.errors import CorruptFileError, StorageError, UsageError
from ppo_cli.runs.names import check_run_name, numbered
from ppo_cli.storage.files import remove_quietly, storage_errors, sync_folder, write_new

_TAKEN = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EACCES})  # EACCES: Windows
_PROCESSES = Path("/proc")
_TEMPORARY = re.compile(r"\..*\.(?P<host>[0-9a-f]{8})\.(?P<pid>[0-9]+)\.[0-9a-f]{8}\.tmp", re.DOTALL)
_WRITTEN_BY_TRAINING = (
    "config.yaml", "sweep.yaml", "preferences.yaml", "comparisons.jsonl", "metrics.csv", "summary.json"
)  # fmt: skip


@dataclass(frozen=True)
class FolderKind:
    """A kind of folder.

    Attributes:
        noun: What it is called in messages.
        marker: The file without which a folder is not of this kind.
        command: The command that makes one.
        taken: What to do when a name is taken.
    """

    noun: str
    marker: str
    command: str
    taken: str = "Choose another --name, or go on with it: --resume."


RUN = FolderKind("run", "config.yaml", "ppo train")
SWEEP = FolderKind("sweep", "sweep.yaml", "ppo sweep")
PREFERENCES = FolderKind("preference set", "preferences.yaml", "ppo prefer", "Choose another --name.")


def create_folder(kind: FolderKind, parent: Path, name: str, *, exact: bool, content: str | None) -> Path:
    """Make a folder. Two processes that ask for one name at one moment get two folders.

    Args:
        kind: Its kind.
        parent: Where it goes; made when it is not there.
        name: Its name.
        exact: Refuse a name that is taken. Otherwise the folder is called ``name-2``, ``name-3`` and so on.
        content: Text of the marker file. With it the folder appears under its name whole: a process that is
            killed here leaves no folder that is not of its kind, and an empty one is taken over.

    Raises:
        UsageError: It is not a name, or it is taken and ``exact``.
        StorageError: The folder cannot be made.
    """
    check_run_name(name)
    with storage_errors(parent):
        os.makedirs(parent, exist_ok=True)
        entries = os.listdir(parent)
        _remove_left_behind(parent, entries)
    there = {_folded(entry): parent / entry for entry in entries}
    number = 1
    while True:
        path = parent / numbered(name, number)
        other = there.get(_folded(path.name))
        is_free = other is None or (content is not None and _is_empty(other))
        if is_free and (_make(path) if content is None else _make_whole(path, kind.marker, content)):
            return path
        if exact:
            raise UsageError(f"{path} exists already", hint=kind.taken, file=path)
        number += 1


def find_folder(kind: FolderKind, parent: Path, ref: str) -> Path:
    """The folder that a user means.

    Args:
        kind: Its kind.
        parent: Where such folders are.
        ref: A path, a name under ``parent``, a unique beginning of one, or ``latest``.

    Raises:
        UsageError: There is no such folder, or there are several.
        CorruptFileError: The folder is a symbolic link.
    """
    if "\0" in ref or not ref:
        raise UsageError(f"{ref!r} is not a {kind.noun}")
    by_path = any(separator in ref for separator in ("/", "\\")) or ref in (".", "..")
    for path in (Path(ref), parent / ref) if by_path else (parent / ref, Path(ref)):
        if _is_folder(path):
            return _opened(kind, path)
    folders = list_folders(kind, parent)
    if ref == "latest" and folders:
        return max(folders, key=lambda path: (_modified(path), path.name))
    names = [path.name for path in folders]
    matches = [path for path in folders if path.name.startswith(ref)]
    if len(matches) == 1:
        return matches[0]
    raise _not_found(kind, parent, ref, names, [path.name for path in matches])


def list_folders(kind: FolderKind, parent: Path) -> list[Path]:
    """The folders of a kind, by name. Hidden ones, symbolic links and unprintable names do not count.

    Raises:
        StorageError: The directory cannot be read.
    """
    try:
        with storage_errors(parent), os.scandir(parent) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except StorageError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return []
        raise
    visible = [parent / name for name in sorted(names) if name.isprintable() and not name.startswith(".")]
    return [path for path in visible if os.path.lexists(path / kind.marker)]


def _make(path: Path) -> bool:
    """Make the folder; False when another process was faster."""
    with storage_errors(path):
        try:
            os.mkdir(path)
        except FileExistsError:
            return False
        sync_folder(path.parent)
    return True


def _make_whole(path: Path, marker: str, content: str) -> bool:
    """Make the folder with its marker file; False when there is one that is not empty."""
    temporary = path.with_name(f".{path.name[:80]}.{_host()}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    with storage_errors(path):
        try:
            os.mkdir(temporary)
            write_new(temporary / marker, content.encode())
            sync_folder(temporary)
            os.rename(temporary, path)  # over an empty folder too, and never over another
        except OSError as error:
            remove_quietly(temporary / marker)
            with contextlib.suppress(OSError):
                os.rmdir(temporary)
            if os.path.lexists(path) and error.errno in _TAKEN:
                return False
            raise
        sync_folder(path.parent)
    return True


def _remove_left_behind(parent: Path, entries: list[str]) -> None:
    """Remove folders that processes of this machine were making when they were killed."""
    if not _PROCESSES.exists():  # without it nobody knows who lives
        return
    for entry in entries:
        made = _TEMPORARY.fullmatch(entry)
        if made and made["host"] == _host() and not (_PROCESSES / made["pid"]).exists():
            for path in (parent / entry).glob("*"):
                remove_quietly(path)
            with contextlib.suppress(OSError):
                os.rmdir(parent / entry)


def _host() -> str:
    """This machine, in a few letters: others may share the folder, and have processes of the same number."""
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def _is_empty(path: Path) -> bool:
    """Tell whether it is an empty folder, which is left of a run that was killed while it was made."""
    try:
        return not path.is_symlink() and not os.listdir(path)
    except OSError:  # no folder, or not ours to read
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name that is too long, for one
        return False


def _modified(path: Path) -> float:
    """The time at which training last wrote something in the folder, in seconds since 1970."""
    files = (path / name for name in _WRITTEN_BY_TRAINING)
    return max((os.lstat(file).st_mtime for file in files if os.path.lexists(file)), default=0.0)


def _opened(kind: FolderKind, path: Path) -> Path:
    if path.is_symlink():
        raise CorruptFileError(
            f"{path} is a symbolic link, and what it leads to may lie anywhere",
            hint="Give the folder itself.",
            file=path,
        )
    if not os.path.lexists(path / kind.marker):
        raise UsageError(f"{path} is not a {kind.noun} folder: it has no {kind.marker}", file=path)
    return path


def _not_found(kind: FolderKind, parent: Path, ref: str, names: list[str], matches: list[str]) -> UsageError:
    shown = ref[:100]
    if matches:
        return UsageError(
            f"{shown!r} is the beginning of several {kind.noun}s", hint=f"Which one: {_some(matches)}?"
        )
    if not names:
        return UsageError(
            f"no {kind.noun} {shown!r}: {parent} holds none", hint=f"Make one with `{kind.command}`."
        )
    nearest = difflib.get_close_matches(ref, names, n=3, cutoff=0.5)
    hint = f"Did you mean {_some(nearest)}?" if nearest else f"There are {_some(names)}."
    return UsageError(f"no {kind.noun} {shown!r} in {parent}", hint=hint)


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _folded(name: str) -> str:
    """A name as file systems see it that do not tell upper from lower case."""
    return unicodedata.normalize("NFC", name).casefold()
