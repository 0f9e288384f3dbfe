from __future__ import annotations

import hashlib
import json
import os
import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from helpers.file_faults import Faults, Killed, lose_power_after

from ppo_cli.errors import CorruptFileError, StorageError, UsageError
from ppo_cli.storage.tensor_file import (
    MAX_FILE_BYTES,
    MAX_HEADER_BYTES,
    encode_tensors,
    load_tensors,
    save_tensors,
)

TENSORS = {
    "params": np.linspace(-1, 1, 3000, dtype=np.float32).reshape(3, 1000),
    "count": np.array(7, dtype=np.int64),
    "mask": np.array([True, False, True]),
    "empty": np.zeros((0, 4), np.float64),
    "mean": np.array([0.1, np.nan, -np.inf]),
    "bytes": np.arange(7, dtype=np.uint8),
}
METADATA = {
    "env_id": "CartPole-v1",
    "best": 0.1 + 0.2,
    "none": None,
    "nested": {"sizes": [64, 64]},
    "text": "π",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_tensors(tmp_path / "policy.safetensors", TENSORS, METADATA)
    return tmp_path / "policy.safetensors"


def seal(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    """A file with any header and the right sum, as a stranger could make it."""
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    size = len(text) if length is None else length
    raw = size.to_bytes(8, "little") + text + data
    return raw.replace(b"0" * 64, hashlib.sha256(raw).hexdigest().encode(), 1)


def header(ppo: str = "{}", **tensors: Any) -> dict[str, Any]:
    return {"__metadata__": {"sha256": "0" * 64, "ppo": ppo}, **tensors}


def tensor(dtype: str, shape: list[int], start: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def refused(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    with pytest.raises(CorruptFileError) as caught:
        load_tensors(path)
    assert str(path) in caught.value.message
    return caught.value.message


def test_what_was_saved_comes_back_bit_for_bit(path: Path) -> None:
    tensors, metadata = load_tensors(path)
    assert metadata == METADATA
    assert sorted(tensors) == sorted(TENSORS)
    for name, array in TENSORS.items():
        assert tensors[name].dtype == array.dtype
        assert tensors[name].shape == array.shape
        assert tensors[name].tobytes() == array.tobytes()
        assert tensors[name].flags.writeable


def test_equal_contents_give_equal_bytes_whatever_their_order(path: Path) -> None:
    shuffled = dict(reversed(TENSORS.items()))
    assert encode_tensors(shuffled, METADATA) == path.read_bytes()


def test_a_transposed_array_is_saved_as_it_reads() -> None:
    array = np.arange(6.0).reshape(2, 3).T
    data = encode_tensors({"a": array}, {})
    assert np.array_equal(safetensors.numpy.load(data)["a"], array)


def test_other_programs_read_the_file_with_safetensors(path: Path) -> None:
    tensors = safetensors.numpy.load_file(path)
    assert np.array_equal(tensors["params"], TENSORS["params"])
    assert tensors["count"] == 7


def test_metadata_keeps_nan_and_infinity(tmp_path: Path) -> None:
    save_tensors(tmp_path / "a", {}, {"best": float("-inf"), "loss": float("nan")})
    _, metadata = load_tensors(tmp_path / "a")
    assert metadata["best"] == float("-inf")
    assert np.isnan(metadata["loss"])


def test_every_truncation_is_detected(path: Path) -> None:
    data = path.read_bytes()
    lengths = {0, 1, 7, 8, 9, len(data) - 1} | set(random.Random(0).sample(range(len(data)), 150))
    for length in lengths:
        refused(path, data[:length])


def test_appended_bytes_are_detected(path: Path) -> None:
    data = path.read_bytes()
    for extra in (b"\0", b"\n", b"x" * 100):
        refused(path, data + extra)


def test_every_flipped_bit_is_detected(path: Path) -> None:
    data = path.read_bytes()
    coin = random.Random(1)
    header_end = 8 + int.from_bytes(data[:8], "little")
    places = [*range(header_end), *coin.sample(range(header_end, len(data)), 300)]
    for place in places:
        damaged = bytearray(data)
        damaged[place] ^= 1 << coin.randrange(8)
        refused(path, bytes(damaged))


def test_every_run_of_zeros_is_detected(path: Path) -> None:
    data = path.read_bytes()
    coin = random.Random(2)
    tried = 0
    while tried < 150:
        start, length = coin.randrange(len(data)), coin.choice([1, 8, 64, 512, 4096])
        damaged = data[:start] + bytes(len(data[start : start + length])) + data[start + length :]
        if damaged != data:
            refused(path, damaged)
            tried += 1


def test_parts_of_two_files_do_not_make_one(path: Path) -> None:
    data = path.read_bytes()
    other = encode_tensors({**TENSORS, "count": np.array(8, dtype=np.int64)}, METADATA)
    assert len(data) == len(other)
    for cut in range(150, len(data), 997):
        mixed = data[:cut] + other[cut:]
        if mixed not in (data, other):
            refused(path, mixed)


@pytest.mark.parametrize(
    "data",
    [
        seal({"__metadata__": {"sha256": "0" * 64}}),
        seal(header(ppo="[1]")),
        seal(header(ppo="{")),
        seal(header(ppo="[" * 100_000)),
        seal({"__metadata__": {"sha256": "0" * 64, "ppo": 7}}),
        seal(header(a=tensor("F32", [2], 0, 8)), b"1234"),
        seal(header(a=tensor("F32", [3], 0, 8)), b"12345678"),
        seal(header(a=tensor("F32", [2**40, 2**40], 0, 8)), b"12345678"),
        seal(header(a=tensor("F32", [2**62, 4], 0, 0))),
        seal(header(a=tensor("F32", [-2], 0, 8)), b"12345678"),
        seal(header(a=tensor("F32", [2], 0, 8), b=tensor("F32", [2], 0, 8)), b"12345678"),
        seal(header(a=tensor("F32", [2], 8, 16)), b"1234567812345678"),
        seal(header(a=tensor("F8_E4M3", [8], 0, 8)), b"12345678"),
        seal(header(a=tensor("O", [1], 0, 8)), b"12345678"),
        seal(header(a={"dtype": "F32"})),
        seal(header(), length=2**63),
        seal(header(), length=MAX_HEADER_BYTES + 1),
        seal(b'{"__metadata__":{"sha256":"' + b"0" * 64 + b'","ppo":"{}"},' + b"[" * 50_000),
        seal(b'{"__metadata__":{"sha256":"' + b"0" * 64 + b'","ppo":"{}"},"\xff\xfe":1}'),
        seal(b'{"__metadata__":{"sha256":"' + b"0" * 64 + b'","ppo":"' + b"9" * 6000 + b'"}}'),
    ],
)
def test_a_malformed_file_with_the_right_sum_is_refused(tmp_path: Path, data: bytes) -> None:
    refused(tmp_path / "a", data)


def test_a_well_formed_file_with_the_right_sum_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(seal(header(a=tensor("U8", [8], 0, 8)), b"12345678"))
    tensors, _ = load_tensors(tmp_path / "a")
    assert tensors["a"].tobytes() == b"12345678"


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("exploded",)


def test_a_pickle_is_refused_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused(tmp_path / "policy.safetensors", pickle.dumps(Bomb()))
    assert not (tmp_path / "exploded").exists()


def test_a_giant_header_length_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "a", b"\xff" * 8 + b"{" * 100)


def test_a_file_of_another_program_is_refused(tmp_path: Path) -> None:
    message = refused(tmp_path / "a", safetensors.numpy.save({"a": np.zeros(100)}))
    assert "not a tensor file that ppo wrote" in message


def test_a_fifo_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(CorruptFileError, match="not a regular file"):
        load_tensors(tmp_path / "fifo")


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null"])
def test_a_device_is_refused(path: str) -> None:
    with pytest.raises(CorruptFileError, match="not a regular file"):
        load_tensors(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorruptFileError, match="not a regular file"):
        load_tensors(tmp_path)


def test_a_ten_gigabyte_file_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "big").touch()
    os.truncate(tmp_path / "big", 10 * 2**30)
    with pytest.raises(CorruptFileError, match="too large"):
        load_tensors(tmp_path / "big")


def test_a_missing_file_is_the_users_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        load_tensors(tmp_path / "none")


@pytest.mark.parametrize(
    "tensors",
    [
        {"a": np.array(["text"])},
        {"a": np.array([object()])},
        {"a": np.zeros(1, complex)},
        {"__metadata__": np.zeros(1)},
        {"a": np.broadcast_to(np.float64(0), MAX_FILE_BYTES // 8)},
        {f"{'n' * 500}{i}": np.zeros(1) for i in range(3000)},
    ],
    ids=["text", "objects", "complex", "reserved name", "too large", "giant header"],
)
def test_what_could_not_be_read_back_is_not_written(tmp_path: Path, tensors: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"cannot be saved|too much"):
        save_tensors(tmp_path / "a", tensors, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("power_loss", [False, True])
def test_a_crash_at_any_moment_leaves_the_old_or_the_new_file(path: Path, power_loss: bool) -> None:
    with Faults().installed() as counted:
        save_tensors(path, TENSORS, METADATA)
    for at in range(1, counted.count + 1):
        save_tensors(path, TENSORS, {"version": "old"})
        faults = Faults(at, torn=True, power_loss=random.Random(at) if power_loss else None)
        with faults.installed(), pytest.raises(Killed):
            save_tensors(path, TENSORS, {"version": "new"})
        tensors, metadata = load_tensors(path)
        assert metadata["version"] in ("old", "new")
        assert np.array_equal(tensors["params"], TENSORS["params"])
    assert counted.count >= 5


@pytest.mark.parametrize("seed", range(4))
def test_what_was_saved_survives_a_power_loss(path: Path, seed: int) -> None:
    lose_power_after(lambda: save_tensors(path, TENSORS, {"version": "new"}), seed)
    assert load_tensors(path)[1] == {"version": "new"}


def test_a_failing_disk_is_said_to_be_and_leaves_no_scraps(path: Path) -> None:
    for at in range(2, 5):  # after the clean-up that may fail: open, write, fsync
        with Faults(at, error=28).installed(), pytest.raises(StorageError, match="No space left") as caught:
            save_tensors(path, TENSORS, {"version": "new"})
        assert caught.value.hint is not None
        assert caught.value.exit_code == 74
        assert load_tensors(path)[1] == METADATA
        assert [entry.name for entry in path.parent.iterdir()] == [path.name]
