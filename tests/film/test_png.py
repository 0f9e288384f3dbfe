"""Folders of PNG files: whole, or as they were before."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ppo_cli.errors import StorageError, UsageError
from ppo_cli.film.png import check_folder, write_pngs
from ppo_cli.film.shots import Shot


def moving(count: int, height: int = 90, width: int = 120) -> list[Shot]:
    """A red square that wanders over white."""
    shots = []
    for index in range(count):
        frame = np.full((height, width, 3), 255, np.uint8)
        frame[20:60, 4 * index : 4 * index + 40] = (200, 30, 30)
        shots.append(Shot(frame, 4 if index < count - 1 else 54))
    return shots


def test_each_picture_is_a_file_without_loss(tmp_path: Path) -> None:
    shots = moving(3)
    count, num_bytes = write_pngs(shots, tmp_path / "film")
    files = sorted((tmp_path / "film").iterdir())
    assert [path.name for path in files] == [f"frame-0000{number}.png" for number in (1, 2, 3)]
    assert count == 3 and num_bytes == sum(path.stat().st_size for path in files)
    for path, shot in zip(files, shots, strict=True):
        with Image.open(path) as image:
            assert np.array_equal(np.asarray(image), shot.frame)


def test_a_film_that_stops_in_the_middle_leaves_the_old_frames(tmp_path: Path) -> None:
    write_pngs(moving(5), tmp_path / "film")

    def broken() -> Any:
        yield from moving(2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_pngs(broken(), tmp_path / "film")
    assert len(list((tmp_path / "film").iterdir())) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["film"]


def test_a_full_disk_leaves_the_old_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pngs(moving(5), tmp_path / "film")
    calls, real = [], os.write

    def full(*args: object) -> int:
        calls.append(args)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        return real(*args)

    monkeypatch.setattr("ppo_cli.storage.files.os.write", full)
    with pytest.raises(StorageError):
        write_pngs(moving(9), tmp_path / "film")
    monkeypatch.undo()
    assert len(list((tmp_path / "film").iterdir())) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["film"]


def test_fewer_frames_leave_none_of_the_old_ones(tmp_path: Path) -> None:
    write_pngs(moving(5), tmp_path / "film")
    check_folder(tmp_path / "film", force=True)
    write_pngs(moving(2), tmp_path / "film")
    assert len(list((tmp_path / "film").iterdir())) == 2


def test_force_never_removes_anything_but_frames(tmp_path: Path) -> None:
    folder = tmp_path / "film"
    write_pngs(moving(2), folder)
    (folder / "thesis.txt").write_text("years of work")
    for force in (False, True):
        with pytest.raises(UsageError):
            check_folder(folder, force=force)
    (tmp_path / "empty").mkdir()
    check_folder(tmp_path / "empty", force=False)
    (tmp_path / "link").symlink_to("empty")
    with pytest.raises(UsageError):
        check_folder(tmp_path / "link", force=True)
