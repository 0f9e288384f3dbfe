from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.file_faults import full_disk
from hypothesis import given
from hypothesis import strategies as st

from ppo_cli.errors import CorruptFileError, StorageError
from ppo_cli.storage.event_file import EventWriter, crc32c

NAME = "events.out.tfevents.ppo"


def slow_crc32c(data: bytes) -> int:
    """RFC 3720, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
    return crc ^ 0xFFFFFFFF


def unmasked(stored: bytes) -> int:
    rotated = (struct.unpack("<I", stored)[0] - 0xA282EAD8) & 0xFFFFFFFF
    return (rotated >> 17 | rotated << 15) & 0xFFFFFFFF


def records(data: bytes) -> Iterator[bytes]:
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        body = data[12 : 12 + length]
        assert unmasked(data[8:12]) == slow_crc32c(data[:8])
        assert unmasked(data[12 + length : 16 + length]) == slow_crc32c(body)
        yield body
        data = data[16 + length :]


def varint(data: bytes) -> tuple[int, bytes]:
    value = shift = 0
    while True:
        byte, data = data[0], data[1:]
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, data


def fields(data: bytes) -> dict[int, bytes | int]:
    """A protocol buffer's fields by number."""
    values: dict[int, bytes | int] = {}
    while data:
        key, data = varint(data)
        if key & 7 == 0:
            values[key >> 3], data = varint(data)
            continue
        size = {1: 8, 5: 4}.get(key & 7)
        if size is None:
            size, data = varint(data)
        values[key >> 3], data = data[:size], data[size:]
    return values


def scalars(path: Path) -> list[tuple[str, float, int, float]]:
    values = []
    for record in list(records(path.read_bytes()))[1:]:
        event = fields(record)
        value = fields(fields(event[5])[1])  # type: ignore[arg-type]
        values.append(
            (
                value[1].decode(),  # type: ignore[union-attr]
                struct.unpack("<f", value[2])[0],  # type: ignore[arg-type]
                event[2],
                struct.unpack("<d", event[1])[0],  # type: ignore[arg-type]
            )
        )
    return values  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("data", "crc"),
    [(b"123456789", 0xE3069283), (b"", 0), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43)],
    ids=["check value", "nothing", "zeros", "ones"],
)
def test_crc32c_gives_the_published_values(data: bytes, crc: int) -> None:
    assert crc32c(data) == crc


@given(st.binary(max_size=200))
def test_crc32c_agrees_with_its_definition(data: bytes) -> None:
    assert crc32c(data) == slow_crc32c(data)


def test_a_file_begins_with_its_version(tmp_path: Path) -> None:
    EventWriter(tmp_path / NAME, 12.5).close()
    (first,) = records((tmp_path / NAME).read_bytes())
    assert fields(first) == {1: struct.pack("<d", 12.5), 3: b"brain.Event:2"}


def test_scalars_read_back(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path / NAME)
    written = [
        ("rollout/episode_return", 21.5, 0, 100.25),
        ("train/approx_kl", -0.125, 127, 101.0),
        ("π" * 100, 1.0, 128, 102.0),
        ("a", 0.5, 2**40, 103.0),
    ]
    for scalar in written:
        writer.scalar(*scalar)
    writer.close()
    assert scalars(tmp_path / NAME) == written


def test_numbers_beyond_32_bits_become_infinite(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path / NAME)
    writer.scalar("up", 1e300, 1, 0.0)
    writer.scalar("down", -1e300, 1, 0.0)
    writer.close()
    assert [value for _, value, _, _ in scalars(tmp_path / NAME)] == [float("inf"), float("-inf")]


def test_a_resumed_file_equals_the_undisturbed_one(tmp_path: Path) -> None:
    whole, cut = EventWriter(tmp_path / "whole"), EventWriter(tmp_path / "cut")
    for step in range(10):
        whole.scalar("a", step, step, float(step))
        cut.scalar("a", step, step, float(step))
        if step == 5:
            size = cut.sync()
    whole.close()
    cut.close()
    with (tmp_path / "cut").open("ab") as file:
        file.write(b"torn")
    cut = EventWriter.open_at(tmp_path / "cut", size)
    assert cut.size == size
    for step in range(6, 10):
        cut.scalar("a", step, step, float(step))
    cut.close()
    assert (tmp_path / "cut").read_bytes() == (tmp_path / "whole").read_bytes()


def test_a_shorter_file_is_damaged(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path / NAME)
    with pytest.raises(CorruptFileError):
        EventWriter.open_at(tmp_path / NAME, writer.size + 1)


def test_a_full_disk_is_a_storage_error(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path / NAME)
    writer.scalar("a", 1.0, 1, 0.0)
    with full_disk(), pytest.raises(StorageError):
        writer.flush()
    writer.flush()
    assert len(scalars(tmp_path / NAME)) == 1


def test_tensorboard_reads_the_file(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    writer = EventWriter(tmp_path / NAME, 1.0)
    for step in range(300):
        writer.scalar("rollout/episode_return", step / 4, step * 512, 100.0 + step)
    writer.close()
    reader = accumulator.EventAccumulator(str(tmp_path))
    reader.Reload()
    events = reader.Scalars("rollout/episode_return")
    assert [(event.step, event.value, event.wall_time) for event in events] == [
        (step * 512, step / 4, 100.0 + step) for step in range(300)
    ]
