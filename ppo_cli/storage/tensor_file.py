"""Tensors and settings in one safetensors file in which every changed byte is detected. No pickle, no torch.

The safetensors format has no checksum: a flipped bit in the data loads silently. So the header's metadata
starts with the SHA-256 of the whole file (taken with these 64 digits set to 0), and a file that differs from
it is refused. Any safetensors reader opens the files; equal contents give equal bytes.

The sum finds damage. A stranger can compute one too, so a file that matches is taken apart with equal care:
sizes are capped before anything is read, and nothing in it is ever executed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from numpy.typing import NDArray

from ppo_cli.storage.files import atomic_write, corrupt, read_file

Tensors = dict[str, NDArray[Any]]

MAX_FILE_BYTES = 256 * 2**20
MAX_HEADER_BYTES = 2**20

_DTYPES = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "I16": "<i2", "U16": "<u2", "I32": "<i4", "U32": "<u4", "I64": "<i8",
    "U64": "<u8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip
_NAMES = {np.dtype(code): name for name, code in _DTYPES.items()}
_PREFIX = b'{"__metadata__":{"sha256":"'
_DIGEST = slice(8 + len(_PREFIX), 8 + len(_PREFIX) + 64)
_NO_DIGEST = b"0" * 64
_MALFORMED = (ValueError, TypeError, KeyError, RecursionError, safetensors.SafetensorError)


def save_tensors(path: str | Path, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]) -> None:
    """Write tensors and metadata durably; after a crash the old or the new file is there.

    Args:
        path: The file, by custom ``*.safetensors``.
        tensors: Arrays of bools, integers or floats, by name.
        metadata: What JSON can hold. NaN and infinities are allowed, and floats come back exactly.

    Raises:
        StorageError: The disk is full or cannot be written. The old file is as it was.
        ValueError: A type that does not fit, or more than this program would read back.
    """
    atomic_write(Path(path), encode_tensors(tensors, metadata))


def load_tensors(path: str | Path) -> tuple[Tensors, dict[str, Any]]:
    """Read what :func:`save_tensors` wrote.

    Args:
        path: The file.

    Returns:
        The tensors by name (fresh, writable arrays) and the metadata.

    Raises:
        UsageError: There is no such file.
        CorruptFileError: A byte differs from what was written, or it is another kind of file.
    """
    path = Path(path)
    return decode_tensors(read_file(path, MAX_FILE_BYTES), path)


def encode_tensors(tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]) -> bytes:
    """Make the bytes of a tensor file: 8 bytes of header length, JSON header, data.

    The safetensors library writes the metadata in an order that differs from process to process; here equal
    contents give equal bytes, and the sum has a fixed place.

    Raises:
        ValueError: A type that does not fit, or more than this program would read back.
    """
    own = {"sha256": _NO_DIGEST.decode(), "ppo": json.dumps(dict(metadata))}
    header: dict[str, Any] = {"__metadata__": own}
    chunks: list[bytes] = []
    end = 0
    arrays = {name: np.asarray(tensors[name]) for name in sorted(tensors)}
    for name in sorted(arrays, key=lambda name: -arrays[name].itemsize):  # wide types first: all stay aligned
        array = arrays[name]
        if array.dtype not in _NAMES or name == "__metadata__":
            raise ValueError(f"tensor {name!r} of type {array.dtype} cannot be saved")
        start, end = end, end + array.nbytes
        place = {"shape": list(array.shape), "data_offsets": [start, end]}
        header[name] = {"dtype": _NAMES[array.dtype], **place}
        chunks.append(array.tobytes())
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER_BYTES or 8 + len(text) + end > MAX_FILE_BYTES:
        raise ValueError(f"too much for one file: {len(text):,} bytes of header, {end:,} bytes of tensors")
    data = b"".join([len(text).to_bytes(8, "little"), text, *chunks])
    digest = _digest(data).encode()
    return b"".join([data[: _DIGEST.start], digest, data[_DIGEST.stop :]])


def decode_tensors(data: bytes, path: Path) -> tuple[Tensors, dict[str, Any]]:
    """Take the bytes of a tensor file apart.

    Args:
        data: The whole file.
        path: Its name, for messages.

    Raises:
        CorruptFileError: A byte differs from what was written, or it is another kind of file.
    """
    length = int.from_bytes(data[:8], "little")
    if len(data) < _DIGEST.stop or data[8 : _DIGEST.start] != _PREFIX:
        raise corrupt(path, "is not a tensor file that ppo wrote, or its beginning is damaged")
    if length > MAX_HEADER_BYTES or 8 + length > len(data):
        raise corrupt(path, f"is damaged: its header cannot be {length:,} bytes long")
    if data[_DIGEST] != _digest(data).encode():
        raise corrupt(path, "is damaged: its contents do not match their SHA-256")
    try:
        metadata = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["ppo"])
        if not isinstance(metadata, dict):
            raise TypeError("the metadata are no object")
        parts = dict(safetensors.deserialize(data))  # type: ignore[no-untyped-call]
        return {name: _array(parts[name]) for name in sorted(parts)}, metadata
    except _MALFORMED as error:
        raise corrupt(path, f"is not a tensor file that ppo wrote ({type(error).__name__})") from None


def _array(part: Mapping[str, Any]) -> NDArray[Any]:
    return np.frombuffer(part["data"], dtype=_DTYPES[part["dtype"]]).reshape(part["shape"]).copy()


def _digest(data: bytes) -> str:
    """SHA-256 in hexadecimal digits, as if the place of the digits held zeros."""
    view = memoryview(data)
    digest = hashlib.sha256(view[: _DIGEST.start])
    digest.update(_NO_DIGEST)
    digest.update(view[_DIGEST.stop :])
    return digest.hexdigest()
