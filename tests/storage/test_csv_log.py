from __future__ import annotations

import csv
import json
import os
import random
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.file_faults import Faults, Killed, full_disk, lose_power_after
from hypothesis import example, given
from hypothesis import strategies as st

from ppo_cli.errors import CorruptFileError, StorageError
from ppo_cli.storage.csv_log import CsvLog

COLUMNS = ("global_step", "mean", "note")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        if file.read(1) != "#":
            file.seek(0)
        else:
            file.readline()  # the comment; later a line of a text may begin with the same sign
        return list(csv.DictReader(file))


@pytest.fixture
def log(tmp_path: Path) -> CsvLog:
    return CsvLog(tmp_path / "eval.csv", COLUMNS)


def test_a_new_file_has_its_header_at_once(log: CsvLog) -> None:
    assert log.path.read_bytes() == b"global_step,mean,note\n"
    assert log.size == log.path.stat().st_size


def test_rows_appear_when_flushed(log: CsvLog) -> None:
    log.append({"mean": 1.5, "global_step": 512})
    assert rows(log.path) == []
    log.flush()
    assert log.path.read_bytes() == b"global_step,mean,note\n512,1.5,\n"
    assert log.size == log.path.stat().st_size


def test_close_writes_what_is_left_and_may_be_repeated(log: CsvLog) -> None:
    log.append({"global_step": 1})
    log.close()
    log.close()
    assert rows(log.path) == [{"global_step": "1", "mean": "", "note": ""}]


def test_an_unknown_column_is_a_mistake_of_the_caller(log: CsvLog) -> None:
    with pytest.raises(ValueError, match="maen"):
        log.append({"maen": 1.0})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (0.1, "0.1"),
        (1e300, "1e+300"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (-0.0, "-0.0"),
        (3, "3"),
        (True, "True"),
        (np.float64(0.1), "0.1"),
        (np.float32(0.1), "0.10000000149011612"),
        (np.int64(7), "7"),
        (np.bool_(False), "False"),
        (np.array(2.5), "2.5"),
        ("plain", "plain"),
    ],
)
def test_a_value_has_one_text(log: CsvLog, value: Any, text: str) -> None:
    log.append({"mean": value, "global_step": 1})
    log.close()
    assert rows(log.path)[0]["mean"] == text


@given(st.floats(allow_nan=False))
def test_a_float_reads_back_exactly(tmp_path_factory: pytest.TempPathFactory, value: float) -> None:
    log = CsvLog(tmp_path_factory.getbasetemp() / "float.csv", COLUMNS)
    log.append({"mean": value})
    log.close()
    assert float(rows(log.path)[0]["mean"]) == value


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
@example("\n#")
def test_any_text_reads_back_exactly(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    log = CsvLog(tmp_path_factory.getbasetemp() / "text.csv", ["a", "b"])
    log.append({"a": 1, "b": text})
    log.close()
    assert rows(log.path)[0]["b"] == text


def write(log: CsvLog, steps: range) -> None:
    for step in steps:
        log.append({"global_step": step, "mean": step / 7, "note": None})


def test_a_resumed_file_equals_the_undisturbed_one_byte_for_byte(tmp_path: Path) -> None:
    whole = CsvLog(tmp_path / "whole.csv", COLUMNS, {"t_start": 1.5})
    write(whole, range(100))
    whole.close()
    for seed in range(20):
        coin = random.Random(seed)
        path = tmp_path / f"{seed}.csv"
        log = CsvLog(path, COLUMNS, {"t_start": 1.5})
        checkpoint, died = sorted([coin.randrange(100), coin.randrange(100)])
        write(log, range(checkpoint))
        size = log.sync()
        write(log, range(checkpoint, died))
        log.close()
        os.truncate(path, size + coin.randrange(path.stat().st_size - size + 1))  # torn anywhere after
        log = CsvLog.open_at(path, COLUMNS, size)
        assert log.size == path.stat().st_size == size
        write(log, range(checkpoint, 100))
        log.close()
        assert path.read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_killed_process_leaves_whole_lines_but_perhaps_the_last(tmp_path: Path) -> None:
    for at in range(1, 12):
        path = tmp_path / f"{at}.csv"
        with Faults(at, torn=True).installed(), pytest.raises(Killed):
            log = CsvLog(path, COLUMNS)
            for step in range(10):
                write(log, range(step, step + 1))
                log.flush()
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        for step, line in enumerate(lines[1:-1]):
            assert line == f"{step},{step / 7!r},\n"


def test_a_shorter_file_than_the_checkpoint_says_is_damaged(log: CsvLog) -> None:
    write(log, range(10))
    size = log.sync()
    os.truncate(log.path, size - 1)
    with pytest.raises(CorruptFileError, match=f"{size - 1} bytes.*{size}"):
        CsvLog.open_at(log.path, COLUMNS, size)


def test_other_columns_are_refused_and_the_file_left_alone(log: CsvLog) -> None:
    write(log, range(10))
    size = log.sync()
    write(log, range(10))
    log.close()
    before = log.path.read_bytes()
    with pytest.raises(CorruptFileError, match="other columns"):
        CsvLog.open_at(log.path, ["global_step", "mean"], size)
    with pytest.raises(CorruptFileError, match="no line end"):
        CsvLog.open_at(log.path, COLUMNS, size - 1)
    with pytest.raises(CorruptFileError, match="other columns"):
        CsvLog.open_at(log.path, COLUMNS, 0)
    assert log.path.read_bytes() == before


def test_a_missing_file_is_damage(tmp_path: Path) -> None:
    with pytest.raises(CorruptFileError, match="missing"):
        CsvLog.open_at(tmp_path / "none.csv", COLUMNS, 10)


@pytest.mark.parametrize("resume", [True, False])
def test_a_log_is_never_written_through_a_link(tmp_path: Path, resume: bool) -> None:
    (tmp_path / "precious").write_text("global_step,mean,note\nprecious\n")
    (tmp_path / "metrics.csv").symlink_to("precious")
    with pytest.raises(CorruptFileError, match="symbolic link"):
        if resume:
            CsvLog.open_at(tmp_path / "metrics.csv", COLUMNS, 22)
        else:
            CsvLog(tmp_path / "metrics.csv", COLUMNS)
    assert (tmp_path / "precious").read_text() == "global_step,mean,note\nprecious\n"


@pytest.mark.parametrize("resume", [True, False])
def test_a_fifo_in_the_place_of_a_log_is_refused_without_waiting(tmp_path: Path, resume: bool) -> None:
    os.mkfifo(tmp_path / "metrics.csv")
    with pytest.raises(CorruptFileError, match="not a regular file"):
        if resume:
            CsvLog.open_at(tmp_path / "metrics.csv", COLUMNS, 22)
        else:
            CsvLog(tmp_path / "metrics.csv", COLUMNS)


def test_a_full_disk_keeps_the_rows_for_another_try(log: CsvLog) -> None:
    write(log, range(5))
    with full_disk(), pytest.raises(StorageError, match="No space left"):
        log.flush()
    assert rows(log.path) == []
    log.flush()
    assert [row["global_step"] for row in rows(log.path)] == list("01234")


def test_a_disk_that_fills_in_the_middle_of_a_row_leaves_no_half_row(log: CsvLog) -> None:
    write(log, range(5))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.size + 10, hard))
    try:
        with pytest.raises(StorageError, match="File too large"):
            log.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert log.path.read_bytes() == b"global_step,mean,note\n"
    log.close()
    assert len(rows(log.path)) == 5


@pytest.mark.parametrize("seed", range(4))
def test_what_is_synced_survives_a_power_loss(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "metrics.csv"

    def begin() -> None:
        path.unlink(missing_ok=True)
        log = CsvLog(path, COLUMNS)
        write(log, range(3))
        log.sync()

    lose_power_after(begin, seed)
    assert [row["global_step"] for row in rows(path)] == list("012")


def test_a_sync_without_news_touches_no_disk(log: CsvLog) -> None:
    size = log.sync()
    with Faults().installed() as counted:
        assert log.sync() == size
    assert counted.count == 0


def monitor_file(path: Path) -> Path:
    log = CsvLog(path, ("r", "l", "t", "distance"), {"t_start": 1000.5, "env_id": "CartPole-v1"})
    for episode in range(3):
        log.append({"r": 10.0 * episode, "l": 20, "t": episode + 0.5, "distance": -0.25})
    log.close()
    return path


def test_monitor_csv_has_the_monitor_format(tmp_path: Path) -> None:
    path = monitor_file(tmp_path / "monitor.csv")
    first, header, *_ = path.read_text().splitlines()
    assert json.loads(first.removeprefix("#")) == {"t_start": 1000.5, "env_id": "CartPole-v1"}
    assert header.split(",")[:3] == ["r", "l", "t"]
    assert [(float(row["r"]), int(row["l"]), float(row["t"])) for row in rows(path)] == [
        (0.0, 20, 0.5),
        (10.0, 20, 1.5),
        (20.0, 20, 2.5),
    ]


def test_stable_baselines3_reads_monitor_csv(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    plotter = pytest.importorskip("stable_baselines3.common.results_plotter")
    monitor_file(tmp_path / "monitor.csv")
    frame = plotter.load_results(str(tmp_path))
    assert frame["r"].tolist() == [0.0, 10.0, 20.0]
    assert frame["l"].tolist() == [20, 20, 20]
    assert frame["distance"].tolist() == [-0.25] * 3


def test_the_log_imports_neither_torch_nor_numpy() -> None:
    code = "import sys, ppo_cli.storage.csv_log, ppo_cli.runs.run_dir\n"
    code += "assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
