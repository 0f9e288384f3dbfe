"""A folder that appears whole, or stays as it was."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ppo_cli.errors import StorageError
from ppo_cli.export.output import CARD_FILES
from ppo_cli.storage import whole_folder

FILES = {"README.md": b"new", "policy.py": b"x = 1\n"}


def write_card(path: Path, files: dict[str, bytes]) -> None:
    whole_folder.write_folder(path, files.items(), CARD_FILES.__contains__)


def contents(path: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in path.iterdir()}


def test_a_folder_is_written_and_replaced_whole(tmp_path: Path) -> None:
    write_card(tmp_path / "card", {"README.md": b"old", "replay.gif": b"old"})
    write_card(tmp_path / "card", FILES)
    assert contents(tmp_path / "card") == FILES
    assert os.listdir(tmp_path) == ["card"]


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("failing", ["write", "rename"])
def test_a_full_disk_leaves_the_old_folder_or_none(
    exists: bool, failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if exists:
        write_card(tmp_path / "card", {"README.md": b"old"})
    real_write, real_rename = whole_folder.write_new, os.rename

    def write(path: Path, data: bytes) -> None:
        if path.name == "policy.py":
            raise OSError(errno.ENOSPC, "no space left")
        real_write(path, data)

    def rename(source: Path, target: Path) -> None:
        if ".new." in source.name:
            raise OSError(errno.EIO, "input/output error")
        real_rename(source, target)

    if failing == "write":
        monkeypatch.setattr(whole_folder, "write_new", write)
    else:
        monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(StorageError):
        write_card(tmp_path / "card", FILES)
    assert os.listdir(tmp_path) == (["card"] if exists else [])
    if exists:
        assert contents(tmp_path / "card") == {"README.md": b"old"}
