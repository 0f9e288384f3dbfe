"""Run folders: made once under their name, found, locked by one writer, read with care."""

from __future__ import annotations

import contextlib
import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.file_faults import Faults, Killed, full_disk, lose_power_after

from ppo_cli.errors import CorruptFileError, RunLockedError, StorageError, UsageError
from ppo_cli.runs.run_dir import RunDir, create_run_dir, find_run, list_runs


def make(runs: Path, name: str) -> RunDir:
    run = create_run_dir(runs, name)
    run.write_config("env_id: CartPole-v1\n")
    return run


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def run(runs: Path) -> RunDir:
    return make(runs, "CartPole-v1-ppo-clip-s1")


BAD_NAMES = [
    "", " ", ".", "..", "...", "/", "/etc/x", "../x", "a/../../x", "a/b", "a\\b", "C:\\x", "C:x", "~",
    "~root/x", ".hidden", "-name", "a\x00b", "a\nb", "a\tb", "a b", "a b ", "name.", "name ", "con",
    "CON", "nul.txt", "Com1", "lpt9.log", "aux", "latest", "LATEST", "na\xefve", "\uff52\uff55\uff4e",
    "run\u202egnp", "run\u200b", "ran\u0301", "a\u2215b", "x" * 101, "x" * 5000, "$(id)", "`id`", "a;b",
    "a|b", "a*b", "a?b", "[/foo]", "\x1b[31mred", "a:b", "\ud800",
]  # fmt: skip


# ---------------------------------------------------------------- creation


def test_a_second_run_of_a_name_gets_a_number(runs: Path) -> None:
    assert [create_run_dir(runs, "a").name for _ in range(3)] == ["a", "a-2", "a-3"]
    assert create_run_dir(runs, "A").name == "A-4"  # one name to Windows and macOS
    assert len(create_run_dir(runs, "x" * 100).name) == len(create_run_dir(runs, "x" * 100).name) == 100


@pytest.mark.skipif(not Path("/proc").exists(), reason="nobody knows which processes live")
def test_what_killed_processes_were_making_goes_and_what_others_make_stays(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.mkdir()
    nobody = 2**22 + 1  # no process has a number so large
    with monkeypatch.context() as patch, Faults(4).installed(), contextlib.suppress(Killed):
        patch.setattr(os, "getpid", lambda: nobody)
        create_run_dir(runs, "a", config="env_id: CartPole-v1\n")
    (left,) = runs.iterdir()
    _, _, host, pid, *_ = left.name.split(".")
    assert left.name.endswith(".tmp") and pid == str(nobody)
    under_way = [left.name.replace(pid, str(os.getpid())), left.name.replace(host, "0123abcd")]
    for name in under_way:
        (runs / name).mkdir()
    create_run_dir(runs, "b", config="")
    assert sorted(path.name for path in runs.iterdir()) == sorted(["b", *under_way])


def test_a_name_is_found_without_looking_into_every_other_run(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(50):
        create_run_dir(runs, f"run-{number}", config="")
    listed: list[Path] = []
    real = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: listed.append(path) or real(path))
    create_run_dir(runs, "run-7", config="")
    assert listed == [runs, runs / "run-7"]


def test_an_exact_name_that_is_taken_is_refused(runs: Path) -> None:
    create_run_dir(runs, "a", exact=True)
    for name in ("a", "A"):
        with pytest.raises(UsageError, match="exists already") as caught:
            create_run_dir(runs, name, exact=True)
        assert "--name" in str(caught.value.hint)
    (runs / "file").touch()
    with pytest.raises(UsageError, match="exists already"):
        create_run_dir(runs, "file", exact=True)


def test_a_dangling_link_counts_as_taken(runs: Path, tmp_path: Path) -> None:
    runs.mkdir()
    (runs / "a").symlink_to(tmp_path / "elsewhere")
    assert create_run_dir(runs, "a").name == "a-2"
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("seed", range(4))
def test_a_new_run_survives_a_power_loss(runs: Path, seed: int) -> None:
    runs.mkdir()
    lose_power_after(lambda: make(runs, "a"), seed)
    assert [run.name for run in list_runs(runs)] == ["a", "a-2"]


def test_many_at_once_get_a_folder_each(runs: Path) -> None:
    names: list[str] = []

    def create() -> None:
        names.extend(create_run_dir(runs, "same").name for _ in range(10))

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(names)) == len(names) == 80
    assert sorted(os.listdir(runs)) == sorted(names)


def test_a_runs_directory_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="file"):
        create_run_dir(tmp_path / "file" / "runs", "a")
    with full_disk(), pytest.raises(StorageError, match="No space left"):
        create_run_dir(tmp_path / "runs", "a")


def test_a_run_that_could_not_begin_is_discarded(runs: Path) -> None:
    run = create_run_dir(runs, "a")
    with run.lock():
        pass
    with full_disk(), pytest.raises(StorageError):
        run.write_config("x: 1\n")
    run.discard()
    assert os.listdir(runs) == []


def test_a_discarded_run_leaves_no_summary(run: RunDir) -> None:
    run.write_summary({"status": "training"})
    run.discard()
    assert not run.path.exists()


def test_a_run_appears_whole_and_takes_the_place_of_an_empty_folder(runs: Path) -> None:
    (runs / "a").mkdir(parents=True)
    run = create_run_dir(runs, "a", exact=True, config="env_id: π\n")
    assert run == RunDir(runs / "a") and list_runs(runs) == [run]
    assert run.config_path.read_text(encoding="utf-8") == "env_id: π\n"
    with pytest.raises(UsageError, match="exists already"):
        create_run_dir(runs, "a", exact=True, config="")
    (runs / "a-2").mkdir()
    (runs / "a-2" / "notes.txt").touch()
    (runs / "a-3").touch()
    (runs / "a-4").symlink_to(runs / "elsewhere")
    assert create_run_dir(runs, "a", config="").name == "a-5"
    assert sorted(os.listdir(runs)) == ["a", "a-2", "a-3", "a-4", "a-5"]


def test_two_processes_cannot_both_take_over_an_empty_folder(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (runs / "a").mkdir(parents=True)
    rename = os.rename

    def late(source: Path, target: Path) -> None:
        monkeypatch.setattr(os, "rename", rename)
        create_run_dir(runs, "a", config="the faster one")
        rename(source, target)

    monkeypatch.setattr(os, "rename", late)
    assert create_run_dir(runs, "a", config="the slower one").name == "a-2"
    assert (runs / "a" / "config.yaml").read_text() == "the faster one"
    assert sorted(os.listdir(runs)) == ["a", "a-2"]


def test_a_full_disk_leaves_no_part_of_a_new_run(runs: Path) -> None:
    runs.mkdir(parents=True, exist_ok=True)
    with full_disk(), pytest.raises(StorageError, match="No space left"):
        create_run_dir(runs, "a", config="x: 1\n")
    assert os.listdir(runs) == []


def test_a_run_with_metrics_is_never_discarded(run: RunDir) -> None:
    run.metrics_path.write_text("global_step\n")
    run.discard()
    assert run.config_path.exists()


# ---------------------------------------------------------------- finding


def test_a_run_is_found_by_name_beginning_path_and_latest(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cart, lander = make(runs, "CartPole-v1-s1"), make(runs, "LunarLander-v3-s1")
    os.utime(lander.config_path, (1e9, 1e9))
    assert find_run(runs, "CartPole-v1-s1") == cart
    assert find_run(runs, "Lun") == lander
    assert find_run(runs, str(cart.path)) == cart
    assert find_run(runs, f"{cart.path}/") == cart
    assert find_run(runs, "latest") == cart
    monkeypatch.chdir(lander.path)
    assert find_run(runs, ".").name == lander.name
    monkeypatch.chdir(runs)
    assert find_run(runs, "./CartPole-v1-s1").name == cart.name


def test_a_run_within_a_sweep_is_found_by_its_path_under_the_runs_directory(runs: Path) -> None:
    run = make(runs / "sweep", "a")
    assert find_run(runs, "sweep/a") == run
    assert list_runs(runs) == []
    assert list_runs(runs / "sweep") == [run]


def test_a_whole_name_wins_over_a_beginning(runs: Path) -> None:
    run = make(runs, "a")
    make(runs, "a")
    assert find_run(runs, "a") == run


def test_an_ambiguous_beginning_lists_the_runs(runs: Path) -> None:
    make(runs, "abc-1")
    make(runs, "abc-2")
    with pytest.raises(UsageError, match="several") as caught:
        find_run(runs, "abc")
    assert "abc-1, abc-2" in str(caught.value.hint)


def test_an_unknown_run_names_the_nearest(runs: Path) -> None:
    make(runs, "CartPole-v1-s1")
    with pytest.raises(UsageError, match="no run 'CartPloe-v1-s1'") as caught:
        find_run(runs, "CartPloe-v1-s1")
    assert "CartPole-v1-s1" in str(caught.value.hint)


@pytest.mark.parametrize("ref", [*BAD_NAMES, "latest", "a/" * 3000, "/dev/null", "/proc/self/fd/0"])
def test_a_reference_to_no_run_is_the_users_error(runs: Path, ref: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_run(runs, ref)
    assert caught.value.exit_code == 2


def test_a_folder_without_settings_is_not_a_run(runs: Path) -> None:
    create_run_dir(runs, "empty")
    assert list_runs(runs) == []
    with pytest.raises(UsageError, match=r"no config\.yaml"):
        find_run(runs, "empty")


def test_a_linked_run_folder_is_refused_and_not_listed(runs: Path, run: RunDir) -> None:
    (runs / "linked").symlink_to(run.path)
    with pytest.raises(CorruptFileError, match="symbolic link") as caught:
        find_run(runs, "linked")
    assert caught.value.exit_code == 5
    assert list_runs(runs) == [run]


def test_runs_are_listed_by_name(runs: Path) -> None:
    for name in ("b", "c", "a"):
        make(runs, name)
    (runs / "file").touch()
    (runs / ".hidden").mkdir()
    assert [run.name for run in list_runs(runs)] == ["a", "b", "c"]
    assert list_runs(runs / "nowhere") == []


# ---------------------------------------------------------------- contents


def test_every_file_of_a_run_has_its_promised_name(run: RunDir) -> None:
    promised = {
        "config.yaml": run.config_path,
        "metrics.csv": run.metrics_path,
        "monitor.csv": run.monitor_path,
        "eval.csv": run.eval_path,
        "policy.safetensors": run.policy_path,
        "best_policy.safetensors": run.best_policy_path,
        "checkpoints": run.checkpoints_path,
        "summary.json": run.summary_path,
    }
    assert {name: run.path / name for name in promised} == promised
    assert run.events_path.match("events.out.tfevents.*")


def test_the_settings_are_written_as_utf8(run: RunDir) -> None:
    run.write_config("env_id: π\n")
    assert run.config_path.read_bytes() == "env_id: π\n".encode()


def test_a_summary_is_strict_json(run: RunDir) -> None:
    assert run.read_summary() is None
    run.write_summary(
        {
            "mean": math.nan,
            "ci95": (np.float32(0.5), math.inf),
            "returns": np.array([1.0, math.nan]),
            "episodes": np.int64(3),
            "run_dir": Path("runs/a"),
            "reason": None,
        }
    )

    def refuse(constant: str) -> float:
        pytest.fail(f"{constant} is not JSON")

    text = run.summary_path.read_text()
    summary = json.loads(text, parse_constant=refuse)
    assert run.read_summary() == summary
    assert summary == {
        "mean": None,
        "ci95": [0.5, None],
        "returns": [1.0, None],
        "episodes": 3,
        "run_dir": "runs/a",
        "reason": None,
    }


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b"{}" * 3_000_000])
def test_a_damaged_summary_is_said_to_be(run: RunDir, content: bytes) -> None:
    run.summary_path.write_bytes(content)
    with pytest.raises(CorruptFileError, match=r"summary\.json"):
        run.read_summary()


def test_a_crash_at_any_moment_leaves_the_old_or_the_new_summary(run: RunDir) -> None:
    with Faults().installed() as counted:
        run.write_summary({"version": "old"})
    for at in range(1, counted.count + 1):
        run.write_summary({"version": "old"})
        with Faults(at, torn=True).installed(), pytest.raises(Killed):
            run.write_summary({"version": "new"})
        assert run.read_summary() in ({"version": "old"}, {"version": "new"})


# ---------------------------------------------------------------- one writer


HOLDER = """
import sys
from pathlib import Path
from ppo_cli.runs.run_dir import RunDir
with RunDir(Path(sys.argv[1])).lock():
    print("locked", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def another_writer(run: RunDir) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDER, str(run.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def test_a_second_process_is_told_who_writes(run: RunDir) -> None:
    with another_writer(run) as process:
        with pytest.raises(RunLockedError) as caught, run.lock():
            pytest.fail("two writers")
        assert caught.value.exit_code == 4
        assert f"process {process.pid} on " in caught.value.message
        assert f"since '{time.strftime('%Y-')}" in caught.value.message
        assert run.name in caught.value.message


def test_the_lock_of_a_killed_process_is_free_at_once(run: RunDir) -> None:
    with another_writer(run) as process:
        process.kill()
        process.wait()
        with run.lock():
            pass


def test_one_process_cannot_write_a_run_twice(run: RunDir) -> None:
    with run.lock(), pytest.raises(RunLockedError, match=f"process {os.getpid()} "), run.lock():
        pass
    with run.lock():
        pass


def test_whether_a_run_is_being_written_is_seen_without_disturbing_it(run: RunDir) -> None:
    assert not run.is_locked() and not (run.path / ".lock").exists(), "looking makes no file"
    with run.lock():
        text = (run.path / ".lock").read_bytes()
        assert run.is_locked() and run.is_locked()
        assert (run.path / ".lock").read_bytes() == text
    assert not run.is_locked()
    with run.lock():
        pass


def test_a_lock_that_is_a_link_is_held_by_nobody(run: RunDir, tmp_path: Path) -> None:
    (run.path / ".lock").symlink_to(tmp_path / "precious")
    assert not run.is_locked()
    assert not (tmp_path / "precious").exists()


@pytest.mark.parametrize("text", [b"", b"\xff\0", b"[]", b'{"pid": "x"}', b"[" * 1000])
def test_a_lock_file_with_nonsense_in_it_still_locks(run: RunDir, text: bytes) -> None:
    with run.lock():
        (run.path / ".lock").write_bytes(text)
        with pytest.raises(RunLockedError, match="another process"), run.lock():
            pass


def test_a_link_in_the_place_of_the_lock_is_not_followed(run: RunDir, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (run.path / ".lock").symlink_to(tmp_path / "precious")
    with pytest.raises(CorruptFileError, match="symbolic link"), run.lock():
        pass
    assert (tmp_path / "precious").read_text() == "precious"


def test_the_next_writer_removes_what_a_killed_one_left(run: RunDir) -> None:
    with Faults(4).installed(), pytest.raises(Killed):  # after unlink, open, write
        run.write_summary({"version": 1})
    assert [path for path in run.path.iterdir() if path.name.endswith(".tmp")]
    with run.lock():
        assert sorted(path.name for path in run.path.iterdir()) == [".lock", "config.yaml"]


def test_a_vanished_run_folder_cannot_be_locked(runs: Path) -> None:
    with pytest.raises(StorageError), RunDir(runs / "gone").lock():
        pass
