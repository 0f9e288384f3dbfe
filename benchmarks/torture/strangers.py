"""T6. Files of a stranger that mean harm: nothing in them is run, and nothing takes long."""

from __future__ import annotations

import functools
import io
import os
import pickle
import resource
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helpers.cli_runner import NAME, TINY, inside
from storage.test_tensor_file import header, seal, tensor

from torture.hostile_words import watching
from torture.unit import Landed, Units, Work, checked

MOST_SECONDS, MOST_MEGABYTES = 4.0, 200.0
FILES = (
    "policy.safetensors", "checkpoints/it/state.safetensors", "checkpoints/it/MANIFEST.json", "config.yaml",
    "summary.json", "metrics.csv", "eval.csv", "monitor.csv",
)  # fmt: skip
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("eval", NAME, "--episodes", "1"), ("train", "--resume", NAME), ("show", NAME), ("list",),
    ("export", NAME, "--to", "numpy", "--force"), ("report", NAME, "--force"),
)  # fmt: skip


class _Harm:
    """What a pickle can do."""

    def __reduce__(self) -> Any:
        return os.system, ("touch harm",)


def _pickle() -> bytes:
    return pickle.dumps({"params": _Harm()})


def _zip(names: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in names.items():
            file.writestr(name, data)
    return buffer.getvalue()


def _write(data: Callable[[], bytes]) -> Callable[[Path], None]:
    return lambda path: (path.unlink(), path.write_bytes(data()))[0]


def _replace(make: Callable[[Path], object]) -> Callable[[Path], None]:
    return lambda path: (path.unlink(), make(path))[0]


def _sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 10 * 2**30)


CONTENTS: dict[str, Callable[[Path], None]] = {
    "a pickle": _write(_pickle),
    "a zip with a pickle": _write(lambda: _zip({"data.pkl": _pickle(), "data": _pickle()})),
    "a zip bomb": _write(lambda: _zip({"data": bytes(50 * 2**20)})),
    "a zip that climbs out": _write(lambda: _zip({"../../../harm": b"x", "/tmp/harm": b"x"})),
    "a header of 2^63": _write(lambda: (2**63).to_bytes(8, "little") + b"{}"),
    "a header of 2^64 - 1": _write(lambda: b"\xff" * 8 + b"{}"),
    "a million tensors": _write(
        lambda: seal(header(**{str(n): tensor("F32", [0], 0, 0) for n in range(20_000)}))
    ),
    "a shape that overflows": _write(lambda: seal(header(a=tensor("F32", [2**32, 2**32], 0, 0)))),
    "a negative shape": _write(lambda: seal(header(a=tensor("F32", [-1], 0, 4)), bytes(4))),
    "two tensors of one name": _write(
        lambda: seal(
            b'{"__metadata__":{"sha256":"' + b"0" * 64 + b'","ppo":"{}"},"a":{"dtype":"F32","shape":[1],'
            b'"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
            bytes(4),
        )
    ),
    "deep JSON": _write(lambda: b"[" * 200_000),
    "deep objects": _write(lambda: b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    "a number of a million digits": _write(lambda: b'{"a": ' + b"9" * 1_000_000 + b"}"),
    "a YAML bomb": _write(
        lambda: (
            b"a: &a [x,x,x,x,x,x,x,x,x]\n"
            + b"".join(
                b"%c: &%c [" % (n, n) + b",".join([b"*%c" % (n - 1)] * 9) + b"]\n" for n in range(98, 110)
            )
        )
    ),
    "YAML that makes objects": _write(lambda: b"!!python/object/apply:os.system ['touch harm']\n"),
    "names that trick the eye": _write(lambda: "env_id: \u202e1v-eloPtraC\n\u0430: 1\n".encode()),
    "a long line": _write(lambda: b"x" * 5_000_000),
    "a link to /etc/passwd": _replace(lambda path: path.symlink_to("/etc/passwd")),
    "a link to /dev/zero": _replace(lambda path: path.symlink_to("/dev/zero")),
    "a link to /proc/self/mem": _replace(lambda path: path.symlink_to("/proc/self/mem")),
    "a FIFO": _replace(os.mkfifo),
    "a folder": _replace(lambda path: path.mkdir()),
    "ten gigabytes of nothing": _replace(_sparse),
}


def opened(name: str, words: tuple[str, ...], folder: Path) -> None:
    """A command meets the file: a documented code, in a moment, with little memory, and no event of harm."""
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with watching(folder) as left:
        result = inside(*words, cwd=folder)
    seconds = time.process_time() - began
    megabytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    said = f"{name}, {words[0]}: {result.code}: {result.stderr[-300:]}"
    assert result.code in (0, 2, 5), said
    assert "Traceback" not in result.stderr and "this is a bug" not in result.stderr, said
    assert not left, f"{said}: {left}"
    assert not list(folder.rglob("harm")), f"{said}: code was run"
    assert "root:" not in result.stdout + result.stderr, f"{said}: it shows what is none of its business"
    assert seconds < MOST_SECONDS, f"{said}: {seconds:.1f} s"
    assert megabytes < MOST_MEGABYTES, f"{said}: {megabytes:.0f} MB"


def run(case: str, seed: int, folder: Path) -> Landed:
    """One file of a run in all ways, met by all commands."""
    landed, good = Landed(), folder / "good"
    good.mkdir()
    assert inside("train", *TINY, "--quiet", cwd=good).code == 0
    for words in COMMANDS:  # whatever is imported is imported now
        assert inside(*words, cwd=good).code in (0, 2)
    for content, write in CONTENTS.items():
        here = folder / "here"
        shutil.copytree(good, here, symlinks=True)
        name = case.replace("/it/", f"/{max(path.name for path in here.glob('runs/*/checkpoints/it-*'))}/")
        write(here / "runs" / NAME / name)
        for words in COMMANDS:
            what = f"{content} as {case}, ppo {words[0]}"
            checked(landed, what, functools.partial(opened, content, words, here))
        shutil.rmtree(here)
    return landed


def units(quick: bool) -> Units:
    """Each file of a run."""
    for name in FILES[: 1 if quick else None]:
        yield name, 0


STRANGERS = Work(units, run)
