from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.file_faults import Faults, Killed, full_disk

from ppo_cli.errors import CorruptFileError, StorageError
from ppo_cli.runs.checkpoints import Checkpoint, load_latest_checkpoint, save_checkpoint
from ppo_cli.runs.run_dir import RunDir

META = {"global_step": 512, "log_sizes": {"metrics": 100}}


def state(iteration: int) -> dict[str, np.ndarray]:
    values = np.random.default_rng(iteration).normal(size=(3, 500)).astype(np.float32)
    return {"params": values, "steps": np.array([iteration])}


def save(run: RunDir, iteration: int) -> None:
    save_checkpoint(run, iteration, state(iteration), {**META, "saved": iteration})


def load(run: RunDir) -> Checkpoint | None:
    """Load; a warning is an error here."""
    return load_latest_checkpoint(run, pytest.fail)


def check(checkpoint: Checkpoint | None, *iterations: int) -> None:
    """It is one of these, and whole."""
    assert checkpoint is not None
    assert checkpoint.iteration in iterations
    assert checkpoint.meta == {**META, "saved": checkpoint.iteration}
    for name, array in state(checkpoint.iteration).items():
        assert checkpoint.tensors[name].tobytes() == array.tobytes()


def names(run: RunDir) -> list[str]:
    return sorted(entry.name for entry in run.checkpoints_path.iterdir())


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    (tmp_path / "run").mkdir()
    return RunDir(tmp_path / "run")


@pytest.fixture
def saved(run: RunDir) -> RunDir:
    save(run, 1)
    save(run, 2)
    return run


def test_a_run_without_checkpoints_has_none(run: RunDir) -> None:
    assert load(run) is None


def test_the_last_two_are_kept_and_the_last_is_loaded(run: RunDir) -> None:
    for iteration in (1, 2, 10, 11):
        save(run, iteration)
    assert names(run) == ["it-000010", "it-000011"]
    check(load(run), 11)


def test_iterations_beyond_a_million_are_in_order(run: RunDir) -> None:
    save(run, 999_999)
    save(run, 1_000_000)
    check(load(run), 1_000_000)


def test_the_manifest_agrees_with_sha256sum(saved: RunDir) -> None:
    folder = saved.checkpoints_path / "it-000002"
    manifest = json.loads((folder / "MANIFEST.json").read_text())
    listed = "".join(f"{facts['sha256']}  {name}\n" for name, facts in manifest["files"].items())
    subprocess.run(["sha256sum", "--check", "--strict"], input=listed, text=True, cwd=folder, check=True)
    assert manifest["iteration"] == 2
    assert {name: facts["size"] for name, facts in manifest["files"].items()} == {
        path.name: path.stat().st_size for path in folder.iterdir() if path.name != "MANIFEST.json"
    }


def test_saving_an_iteration_again_replaces_it(saved: RunDir) -> None:
    save_checkpoint(saved, 2, state(2), {"again": True})
    checkpoint = load(saved)
    assert checkpoint is not None
    assert checkpoint.meta == {"again": True}
    assert names(saved) == ["it-000001", "it-000002"]


def damage_bit(folder: Path) -> None:
    data = bytearray((folder / "state.safetensors").read_bytes())
    data[len(data) // 2] ^= 4
    (folder / "state.safetensors").write_bytes(data)


def damage_truncated(folder: Path) -> None:
    os.truncate(folder / "state.safetensors", 1000)


def damage_manifest(folder: Path) -> None:
    path = folder / "MANIFEST.json"
    path.write_bytes(path.read_bytes().replace(b'"size": ', b'"size": 1'))


def damage_empty_manifest(folder: Path) -> None:
    (folder / "MANIFEST.json").write_bytes(b"")


def damage_state_missing(folder: Path) -> None:
    (folder / "state.safetensors").unlink()


def damage_manifest_missing(folder: Path) -> None:
    (folder / "MANIFEST.json").unlink()


def damage_folder_instead_of_file(folder: Path) -> None:
    (folder / "state.safetensors").unlink()
    (folder / "state.safetensors").mkdir()


def damage_fifo(folder: Path) -> None:
    (folder / "MANIFEST.json").unlink()
    os.mkfifo(folder / "MANIFEST.json")


def damage_state_of_another_iteration(folder: Path) -> None:
    shutil.copy(folder.parent / "it-000001" / "state.safetensors", folder)


def damage_folder_of_another_iteration(folder: Path) -> None:
    for name in ("state.safetensors", "MANIFEST.json"):
        shutil.copy(folder.parent / "it-000001" / name, folder)


def damage_forged(folder: Path) -> None:
    """The state of another iteration with a manifest that fits it."""
    damage_state_of_another_iteration(folder)
    content = (folder / "state.safetensors").read_bytes()
    manifest = json.loads((folder / "MANIFEST.json").read_text())
    facts = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    manifest["files"]["state.safetensors"] = facts
    (folder / "MANIFEST.json").write_text(json.dumps(manifest, indent=1) + "\n")


DAMAGES = [function for name, function in sorted(globals().items()) if name.startswith("damage_")]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda function: function.__name__)
def test_a_damaged_checkpoint_is_passed_over_and_named(saved: RunDir, damage) -> None:  # type: ignore[no-untyped-def]
    damage(saved.checkpoints_path / "it-000002")
    warnings: list[str] = []
    check(load_latest_checkpoint(saved, warnings.append), 1)
    assert len(warnings) == 1
    assert "it-000002" in warnings[0]
    save(saved, 2)  # training goes on, and the damaged one is replaced
    check(load(saved), 2)
    assert names(saved) == ["it-000001", "it-000002"]


def test_every_changed_byte_of_a_manifest_is_noticed(saved: RunDir) -> None:
    path = saved.checkpoints_path / "it-000002" / "MANIFEST.json"
    data = path.read_bytes()
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        check(load_latest_checkpoint(saved, lambda _: None), 1)


def test_a_damaged_checkpoint_never_pushes_out_a_good_one(run: RunDir) -> None:
    save(run, 1)
    save(run, 2)
    damage_bit(run.checkpoints_path / "it-000002")
    save(run, 3)
    assert names(run) == ["it-000001", "it-000003"]


def test_a_checkpoint_that_training_went_back_behind_is_removed(run: RunDir) -> None:
    save(run, 1)
    save(run, 9)
    save(run, 2)
    assert names(run) == ["it-000001", "it-000002"]


def test_a_checkpoint_that_cannot_be_read_at_the_moment_is_not_removed(
    saved: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def open_(path: str | Path, flags: int, *args: int, **kwargs: int) -> int:
        if not flags & os.O_CREAT and Path(path).suffix in (".json", ".safetensors"):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return real(path, flags, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", open_)
        save(saved, 3)
    assert "it-000002" in names(saved)
    check(load(saved), 3)


def test_only_damaged_checkpoints_is_an_error_not_a_fresh_start(saved: RunDir) -> None:
    for name in names(saved):
        damage_bit(saved.checkpoints_path / name)
    warnings: list[str] = []
    with pytest.raises(CorruptFileError, match="every checkpoint"):
        load_latest_checkpoint(saved, warnings.append)
    assert len(warnings) == 2


def count_operations(run: RunDir, iteration: int) -> int:
    copy = RunDir(run.path.with_name("copy"))
    shutil.copytree(run.path, copy.path)
    with Faults().installed() as counted:
        save(copy, iteration)
    shutil.rmtree(copy.path)
    return counted.count


FAULTS = {
    "killed": lambda at: Faults(at),
    "torn": lambda at: Faults(at, torn=True),
    **{
        f"power loss {seed}": lambda at, seed=seed: Faults(at, power_loss=random.Random(seed))
        for seed in range(4)
    },
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("iteration", [3, 2], ids=["the next iteration", "the same iteration again"])
def test_a_crash_at_any_moment_leaves_the_old_or_the_new_checkpoint(
    saved: RunDir, fault: str, iteration: int
) -> None:
    operations = count_operations(saved, iteration)
    assert operations > 20
    for at in range(1, operations + 1):
        run = RunDir(saved.path.with_name(f"run-{at}"))
        shutil.copytree(saved.path, run.path)
        with FAULTS[fault](at).installed(), pytest.raises(Killed):
            save(run, iteration)
        check(load(run), 2, iteration)
        save(run, iteration)  # the next process cleans up behind the dead one
        check(load(run), iteration)
        assert names(run) == [f"it-{iteration - 1:06d}", f"it-{iteration:06d}"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_crash_during_the_first_checkpoint_leaves_none_or_it(run: RunDir, fault: str) -> None:
    for at in range(1, count_operations(run, 1) + 1):
        fresh = RunDir(run.path.with_name(f"run-{at}"))
        fresh.path.mkdir()
        with FAULTS[fault](at).installed(), pytest.raises(Killed):
            save(fresh, 1)
        checkpoint = load(fresh)
        if checkpoint is not None:
            check(checkpoint, 1)
        save(fresh, 1)
        check(load(fresh), 1)
        assert names(fresh) == ["it-000001"]


@pytest.mark.parametrize("code", ["ENOSPC", "EIO", "EDQUOT", "EROFS", "EACCES", "EMFILE"])
def test_an_error_at_any_operation_leaves_a_checkpoint_and_no_scraps(saved: RunDir, code: str) -> None:
    failed = 0
    for at in range(1, count_operations(saved, 3) + 1):
        run = RunDir(saved.path.with_name(f"run-{at}"))
        shutil.copytree(saved.path, run.path)
        with Faults(at, error=getattr(errno, code)).installed():
            try:
                save(run, 3)
            except StorageError as error:
                failed += 1
                assert str(run.checkpoints_path) in error.message
        check(load(run), 2, 3)
        assert not [name for name in names(run) if name.startswith(".")]
    assert failed >= (1 if code in ("ENOSPC", "EDQUOT") else 9)  # a full disk is tried again


def test_a_full_disk_leaves_the_newest_checkpoint(saved: RunDir) -> None:
    with full_disk(), pytest.raises(StorageError, match="No space left") as caught:
        save(saved, 3)
    assert caught.value.hint is not None
    check(load(saved), 2)
    save(saved, 3)
    check(load(saved), 3)


def test_a_disk_with_room_for_two_gives_up_the_older_one(
    saved: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write

    def write(fd: int, data: bytes) -> int:
        if (saved.checkpoints_path / "it-000001").exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)
    save(saved, 3)
    assert names(saved) == ["it-000002", "it-000003"]
    check(load(saved), 3)


@pytest.fixture
def small_files() -> Iterator[None]:
    """The kernel itself refuses files beyond 4,000 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_kernels_own_refusal_is_a_storage_error(saved: RunDir, small_files: None) -> None:
    with pytest.raises(StorageError, match="File too large"):
        save(saved, 3)
    check(load(saved), 2)
    assert names(saved) == ["it-000001", "it-000002"]


def test_a_run_folder_that_vanished_is_a_storage_error(saved: RunDir) -> None:
    shutil.rmtree(saved.path)
    with pytest.raises(StorageError):
        save(saved, 3)


def test_a_checkpoints_folder_that_leads_elsewhere_is_not_written(run: RunDir, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    run.checkpoints_path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CorruptFileError, match="symbolic link"):
        save(run, 1)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_linked_checkpoint_is_not_loaded(saved: RunDir) -> None:
    (saved.checkpoints_path / "it-000009").symlink_to("it-000002")
    check(load(saved), 2)


KILLED_WRITER = """
import sys
from pathlib import Path
import numpy as np
from ppo_cli.runs.checkpoints import save_checkpoint
from ppo_cli.runs.run_dir import RunDir
run = RunDir(Path(sys.argv[1]))
for iteration in range(1, 10**6):
    save_checkpoint(run, iteration, {"a": np.full(5000, iteration)}, {})
    print(iteration, flush=True)
"""


def test_a_writer_killed_at_a_random_moment_loses_nothing_that_it_had_reported(run: RunDir) -> None:
    for seed in range(5):
        command = [sys.executable, "-c", KILLED_WRITER, str(run.path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(random.Random(seed).uniform(0, 0.05))
            writer.kill()
            reported = max([1, *(int(line) for line in writer.stdout.read().split())])
        checkpoint = load(run)
        assert checkpoint is not None
        assert checkpoint.iteration in (reported, reported + 1)
        assert (checkpoint.tensors["a"] == checkpoint.iteration).all()
        shutil.rmtree(run.checkpoints_path)
