"""The log of a worker: however much is printed, it stays short, and its last lines are there."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from helpers.waiting import PATIENCE

from ppo_cli.errors import StorageError
from ppo_cli.storage.files import write_all
from ppo_cli.sweeps.work import worker_log
from ppo_cli.sweeps.work.worker_log import KEPT_BYTES, kept_short, open_log, shorten

NOTE = b"(what was printed before this is not kept)\n"


def lines(start: int, stop: int) -> bytes:
    """Numbered lines of 100 bytes."""
    return b"".join(b"%99d\n" % number for number in range(start, stop))


def append(log: Path, text: bytes) -> None:
    with log.open("ab") as file:
        file.write(text)


def test_a_log_that_is_short_stays_as_it_is(tmp_path: Path) -> None:
    log, text = tmp_path / "log", lines(0, 2 * KEPT_BYTES // 100)
    log.write_bytes(text)
    assert shorten(log) == 0
    assert log.read_bytes() == text


def test_of_a_long_log_the_last_lines_are_kept_whole_and_it_is_said_that_there_were_more(
    tmp_path: Path,
) -> None:
    log, text = tmp_path / "log", lines(0, 30_000) + b"Segmentation fault"
    log.write_bytes(text)
    moved = shorten(log)
    assert log.read_bytes() == NOTE + lines(19_515, 30_000) + b"Segmentation fault"
    assert log.read_bytes()[2_900_000 - moved :] == text[2_900_000:]


def test_a_line_without_end_is_cut_too(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"." * 20_000_000 + b"!")
    shorten(log)
    assert log.read_bytes() == NOTE + b"." * (KEPT_BYTES - 1) + b"!"


# What is printed at the moment of a cut is lost. Not so the last words, which come when cutting is over.
PRINTER = """
import sys
for number in range(100_000):
    if number == 50_000:
        sys.stdin.readline()
    print(f"{number:99}", flush=True)
open("printed", "w").close()
sys.stdin.readline()
print("that was all")
"""


def test_a_process_that_prints_goes_on_at_the_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with open_log(log) as fd:
        command = [sys.executable, "-S", "-c", PRINTER]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=fd, cwd=tmp_path)
    cuts = 0
    while not cuts:
        cuts += shorten(log) > 0
    assert process.stdin is not None
    process.stdin.write(b"go on\n")
    process.stdin.flush()
    while not (tmp_path / "printed").exists():
        cuts += shorten(log) > 0
    process.stdin.close()
    assert process.wait(PATIENCE) == 0
    cuts += shorten(log) > 0
    assert cuts >= 2, "10 MB were printed"
    assert log.stat().st_size <= 2 * KEPT_BYTES
    note, *printed, last = log.read_bytes().splitlines(keepends=True)
    assert (note, last) == (NOTE, b"that was all\n")
    numbers = [line for line in printed if len(line) == 100]
    assert numbers == sorted(set(numbers)), "each line is in its place, and there once"


def test_what_is_printed_while_the_log_is_cut_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, says = tmp_path / "log", [b"one\n", b"two\n", b""]
    log.write_bytes(lines(0, 30_000))

    def copy(fd: int, text: bytes) -> None:
        write_all(fd, text)
        append(log, says.pop(0))

    monkeypatch.setattr(worker_log, "write_all", copy)
    shorten(log)
    assert log.read_bytes() == NOTE + lines(19_515, 30_000) + b"one\ntwo\n"


def test_a_flood_that_comes_faster_than_it_can_be_copied_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    log.write_bytes(lines(0, 30_000))

    def copy(fd: int, text: bytes) -> None:
        write_all(fd, text)
        append(log, lines(0, 2_000))

    monkeypatch.setattr(worker_log, "write_all", copy)
    shorten(log)
    assert log.stat().st_size < 20 * KEPT_BYTES


def test_a_log_is_kept_short_while_a_block_runs_and_at_its_end(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "log"
    with open_log(log) as fd, kept_short(log):
        os.write(fd, lines(0, 100_000))
        deadline = time.monotonic() + PATIENCE
        while log.stat().st_size > 2 * KEPT_BYTES and time.monotonic() < deadline:
            time.sleep(0.01)
        assert log.read_bytes().endswith(lines(90_000, 100_000))
        assert log.stat().st_size <= 2 * KEPT_BYTES
        os.write(fd, lines(0, 100_000))
    assert log.stat().st_size <= 2 * KEPT_BYTES
    assert "log" not in {thread.name for thread in threading.enumerate()}


def test_what_is_no_log_is_left_alone(tmp_path: Path) -> None:
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "link"
    elsewhere.write_bytes(lines(0, 30_000))
    link.symlink_to(elsewhere)
    assert [shorten(path) for path in (link, tmp_path, tmp_path / "missing")] == [0, 0, 0]
    assert elsewhere.read_bytes() == lines(0, 30_000)
    with pytest.raises(StorageError, match="cannot write"), open_log(link):
        pass
