"""What the user agreed to import for a run or a sweep, remembered for later commands on it.

A run of one's own is not a stranger's. So what was agreed to is remembered for this user on this machine,
outside of the folder: what a stranger sends can bring no consent along. It holds for the same folder, as long
as that asks for the same modules from the same files with the same arguments; for anything else, the user is
asked again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ppo_cli.envs.user_code import is_agreed, split_reference, with_working_directory
from ppo_cli.errors import PpoError
from ppo_cli.storage.json_file import read_json, strict, write_json

_MAX_BYTES = 1_000_000


def remember(folder: Path, references: Sequence[str], arguments: Any) -> None:
    """Remember that the user agreed to what a folder imports; nothing is said where that cannot be written.

    Args:
        folder: The run's or sweep's folder.
        references: What it imports, each ``module:name``; nothing is remembered unless all is agreed to.
        arguments: What the imported code is given.
    """
    if not references or not all(is_agreed(reference) for reference in references):
        return
    place = _place(folder)
    with contextlib.suppress(OSError, PpoError, RuntimeError):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_json(place, _document(folder, references, arguments))


def is_remembered(folder: Path, references: Sequence[str], arguments: Any) -> bool:
    """Whether the user agreed to all of this for this folder before; nothing is imported to find out."""
    place = _place(folder)
    try:
        if not (_is_own(place.parent) and _is_own(place)):
            return False
        there: Mapping[str, Any] = read_json(place, _MAX_BYTES) or {}
        return bool(references) and there == strict(_document(folder, references, arguments))
    except (OSError, PpoError, RuntimeError):
        return False


def _document(folder: Path, references: Sequence[str], arguments: Any) -> dict[str, Any]:
    imports = {reference: _files(split_reference(reference)[0]) for reference in references}
    return {"folder": str(folder.resolve()), "imports": imports, "arguments": arguments}


def _place(folder: Path) -> Path:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:32]
    return Path(state, "ppo-cli", "consent", f"{name}.json")


def _is_own(path: Path) -> bool:
    """Whether only this user can have written a file, or into a folder."""
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return False
    return not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o022)


def _files(module: str) -> list[str]:
    """The files that importing a module runs, those of its packages first, without importing any."""
    with_working_directory()
    files: list[str] = []
    path: Any = None
    parts = module.split(".")
    for number in range(len(parts)):
        name = ".".join(parts[: number + 1])
        found = getattr(sys.modules.get(name), "__spec__", None)
        for finder in sys.meta_path if found is None else ():
            find = getattr(finder, "find_spec", None)
            found = find(name, path) if find else None
            if found is not None:
                break
        if found is None or found.origin is None:
            return [*files, ""]
        files.append(os.path.realpath(found.origin))
        path = found.submodule_search_locations
    return files
