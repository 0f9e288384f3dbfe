"""What the lines of a preference set say: episodes, and comparisons of clips of them. No torch."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ppo_cli.spaces import ActionSpec

Answer = Literal["left", "right", "equal", "unclear"]
ANSWERS: tuple[Answer, ...] = get_args(Answer)
End = Literal["terminated", "truncated", "running"]
VERSION = 1
MAX_ID = 10**9
MAX_STEPS = 1_000_000
_EPISODE = re.compile(r"e[0-9]{1,9}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True)
class Clip:
    """Steps ``start`` to ``stop`` (not included) of an episode."""

    episode: str
    start: int
    stop: int

    @property
    def length(self) -> int:
        """Number of steps."""
        return self.stop - self.start

    def document(self) -> list[Any]:
        """As a line holds it."""
        return [self.episode, self.start, self.stop]

    @classmethod
    def parse(cls, value: Any) -> Clip:
        """The inverse of :meth:`document`.

        Raises:
            ValueError: It is no clip.
        """
        if not isinstance(value, list) or len(value) != 3:
            raise ValueError("a clip is [episode, start, stop]")
        episode, start, stop = _episode_id(value[0]), _integer(value[1], "start"), _integer(value[2], "stop")
        if not 0 <= start < stop <= MAX_STEPS:
            raise ValueError(f"a clip cannot go from step {start} to {stop}")
        return cls(episode, start, stop)


@dataclass(frozen=True)
class Episode:
    """An episode, or the beginning of one, as its seed and its actions.

    Attributes:
        episode: Its name in the set, ``e17``.
        seed: Reset seed.
        actions: As the environment got them, base64 of int8, int32 or float32.
        length: Number of actions.
        ended: How it ended; ``running`` where nobody needed what came after.
        policy_sha256: Of the file of the policy that played it; of an untrained one, of its parameters.
        obs_sha256: Of its observations, one more than actions, float32: what a replay has to give.
    """

    episode: str
    seed: int
    actions: str
    length: int
    ended: End
    policy_sha256: str
    obs_sha256: str

    def document(self) -> dict[str, Any]:
        """As a line holds it."""
        return {"v": VERSION, **self.__dict__}

    @classmethod
    def parse(cls, line: dict[str, Any]) -> Episode:
        """The inverse of :meth:`document`.

        Raises:
            ValueError: A value is not allowed.
            KeyError: One is missing.
        """
        _version(line)
        seed, length = _integer(line["seed"], "seed"), _integer(line["length"], "length")
        if not 0 <= seed < 2**63 or not 1 <= length <= MAX_STEPS:
            raise ValueError(f"an episode cannot have seed {seed} and {length} steps")
        if line["ended"] not in get_args(End):
            raise ValueError(f"ended is {str(line['ended'])[:40]!r}, none of {', '.join(get_args(End))}")
        if not isinstance(line["actions"], str):
            raise ValueError("actions is no text")
        sums = [line[name] for name in ("policy_sha256", "obs_sha256")]
        if not all(isinstance(value, str) and _SHA256.fullmatch(value) for value in sums):
            raise ValueError("policy_sha256 and obs_sha256 are 64 hexadecimal digits each")
        return cls(
            _episode_id(line["episode"]), seed, line["actions"], length, line["ended"], sums[0], sums[1]
        )

    def decoded(self, action: ActionSpec) -> NDArray[Any]:
        """The actions, int64 ``[T]`` or float32 ``[T, A]``.

        Raises:
            ValueError: They are not ``length`` actions of this kind.
        """
        try:
            data = base64.b64decode(self.actions, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(f"the actions of {self.episode} are not base64") from None
        kind = _stored_type(action)
        shape = (self.length,) if action.kind == "discrete" else (self.length, action.size)
        if len(data) != int(np.prod(shape)) * kind.itemsize:
            raise ValueError(f"the actions of {self.episode} are not {self.length} of this environment")
        actions = np.frombuffer(data, kind).reshape(shape)
        if action.kind == "discrete":
            if ((actions < 0) | (actions >= action.size)).any():
                raise ValueError(f"the actions of {self.episode} are not below {action.size}")
            return actions.astype(np.int64)
        if not np.isfinite(actions).all():
            raise ValueError(f"the actions of {self.episode} are not finite")
        return actions.astype(np.float32)


def encoded(actions: NDArray[Any], action: ActionSpec) -> str:
    """Actions as base64: a byte each where there are at most 128 choices."""
    return base64.b64encode(np.ascontiguousarray(actions, _stored_type(action)).tobytes()).decode()


def _stored_type(action: ActionSpec) -> np.dtype[Any]:
    if action.kind == "box":
        return np.dtype("<f4")
    return np.dtype("i1") if action.size <= 128 else np.dtype("<i4")


@dataclass(frozen=True)
class Comparison:
    """An answer.

    Attributes:
        id: Its number in the set.
        a: One clip.
        b: The other.
        left: Which of the two was shown on the left, ``"a"`` or ``"b"``.
        answer: Which side is better, or that they are equal, or that it is unclear.
        teacher: Who answered.
        repeat: The comparison that this one asks again, or None.
        returns: What a synthetic teacher summed for ``a`` and for ``b``; None for people.
    """

    id: int
    a: Clip
    b: Clip
    left: Literal["a", "b"]
    answer: Answer
    teacher: str
    repeat: int | None = None
    returns: tuple[float, float] | None = None

    @property
    def preference(self) -> float | None:
        """How much better ``a`` is: 1, 0, one half where they are equal, None where it is unclear."""
        if self.answer in ("equal", "unclear"):
            return 0.5 if self.answer == "equal" else None
        return float((self.answer == "left") == (self.left == "a"))

    def document(self) -> dict[str, Any]:
        """As a line holds it."""
        line = {"v": VERSION, "id": self.id, "a": self.a.document(), "b": self.b.document()}
        line |= {"left": self.left, "answer": self.answer, "teacher": self.teacher}
        if self.repeat is not None:
            line["repeat"] = self.repeat
        return line if self.returns is None else line | {"returns": list(self.returns)}


@dataclass(frozen=True)
class Undo:
    """Takes an answer back.

    Attributes:
        undo: The number of the comparison.
    """

    undo: int

    def document(self) -> dict[str, Any]:
        """As a line holds it."""
        return {"v": VERSION, "undo": self.undo}


def parse_comparison(line: dict[str, Any]) -> Comparison | Undo:
    """What a line of ``comparisons.jsonl`` says; keys that are not known here are left alone.

    Raises:
        ValueError: A value is not allowed.
        KeyError: One is missing.
    """
    _version(line)
    if "undo" in line:
        return Undo(_number(line["undo"]))
    if line["left"] not in ("a", "b"):
        raise ValueError(f'left is {str(line["left"])[:40]!r}, neither "a" nor "b"')
    if line["answer"] not in ANSWERS:
        raise ValueError(f"answer is {str(line['answer'])[:40]!r}, none of {', '.join(ANSWERS)}")
    if not isinstance(line["teacher"], str) or not 0 < len(line["teacher"]) <= 300:
        raise ValueError("teacher is no text of 1 to 300 characters")
    repeat, returns = line.get("repeat"), line.get("returns")
    if returns is not None and not (
        isinstance(returns, list) and len(returns) == 2 and all(map(_is_real, returns))
    ):
        raise ValueError("returns are not two numbers")
    return Comparison(
        id=_number(line["id"]),
        a=Clip.parse(line["a"]),
        b=Clip.parse(line["b"]),
        left=line["left"],
        answer=line["answer"],
        teacher=line["teacher"],
        repeat=None if repeat is None else _number(repeat),
        returns=None if returns is None else (float(returns[0]), float(returns[1])),
    )


def standing(lines: Sequence[Comparison | Undo]) -> list[Comparison]:
    """The comparisons that were not taken back, in their order.

    Raises:
        ValueError: A number is there twice, or one is taken back that is not there.
    """
    kept: dict[int, Comparison] = {}
    seen: set[int] = set()
    for line in lines:
        if isinstance(line, Undo):
            if kept.pop(line.undo, None) is None:
                raise ValueError(f"comparison {line.undo} is taken back, and there is none")
        elif line.id in seen:
            raise ValueError(f"there are two comparisons {line.id}")
        else:
            seen.add(line.id)
            kept[line.id] = line
    return list(kept.values())


def _is_real(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _version(line: dict[str, Any]) -> None:
    if line["v"] != VERSION:
        raise ValueError(f"version {str(line['v'])[:40]} is not known; this program writes version {VERSION}")


def _integer(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} is {str(value)[:40]!r}, no whole number")
    return value


def _number(value: Any) -> int:
    number = _integer(value, "a comparison's number")
    if not 0 <= number <= MAX_ID:
        raise ValueError(f"a comparison cannot have the number {number}")
    return number


def _episode_id(value: Any) -> str:
    if not isinstance(value, str) or not _EPISODE.fullmatch(value):
        raise ValueError(f"{str(value)[:40]!r} is not the name of an episode, such as e17")
    return value
