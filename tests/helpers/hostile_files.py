"""Files of settings as nobody should write them, and what the program may answer."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from ppo_cli.config.algorithms import ALGORITHMS
from ppo_cli.config.shipped import shipped_configs
from ppo_cli.errors import UsageError

SEEDS = [path.read_bytes() for name in ALGORITHMS for path in shipped_configs(name).values()]
NASTY = (
    b'&a', b'*a', b'!!int', b'<<:', b'{', b'}', b'[', b']', b'- ', b'? ', b': ', b'|\n', b'>-\n', b"'",
    b'"', b'#', b'\t', b'\r', b'\x00', b'\xff', b'\xef\xbb\xbf', b'\xe2\x80\xa8', b'---\n', b'...\n',
    b'%TAG ! x\n', b'%YAML 1.2\n', b'.inf', b'.nan', b'1e400', b'-1', b'0o7', b'1:30', b'2026-01-01',
    b'~', b'on', b'null', b'  ', b'\n', b'env_id: a\n', b'\\u0000', b'\\ud800', b'@', b'`',
    b"9" * 5_000, b"[" * 300,
)  # fmt: skip


def answer(call: Callable[[], Any]) -> Any:
    """What a reader gives, or None after checking that its refusal is a proper one."""
    try:
        return call()
    except UsageError as error:
        assert error.exit_code == 2
        assert 0 < len(error.message) < 5_000
        assert error.message.replace("\n", "").isprintable()
        assert error.hint is None or error.hint
        return None


def mutated(data: bytes, rng: random.Random, nasty: tuple[bytes, ...] = NASTY) -> bytes:
    """A file after some accidents: bytes put in, cut out, changed, repeated, lines in another order."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randint(0, len(changed))
        kind = rng.choice(("insert", "insert", "delete", "byte", "repeat", "lines", "value"))
        if kind == "insert":
            changed[at:at] = rng.choice(nasty)
        elif kind == "delete":
            del changed[at : at + rng.randint(1, 40)]
        elif kind == "byte" and at < len(changed):
            changed[at] = rng.randint(0, 255)
        elif kind == "repeat":
            changed[at:at] = changed[at : at + 30] * rng.randint(1, 20)
        elif kind == "lines":
            lines = changed.splitlines(keepends=True)
            rng.shuffle(lines)
            changed = bytearray(b"".join(lines))
        elif kind == "value":
            lines = changed.splitlines()
            keys = [number for number, line in enumerate(lines) if b":" in line]
            if keys:
                number = rng.choice(keys)
                lines[number] = lines[number].partition(b":")[0] + b": " + rng.choice(nasty)
                changed = bytearray(b"\n".join(lines) + b"\n")
    return bytes(changed)
