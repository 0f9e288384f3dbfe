"""Reading a YAML file that may come from a stranger, and remembering where each value stands.

Only PyYAML's parser is used: it yields events, and this module builds the values. So there are no tags,
anchors, aliases, merge keys, dates or base-60 numbers to construct, size and depth are bounded, and plain
words mean what they mean in YAML 1.2: ``1e-4``, ``1e6`` and ``100_000`` are numbers, ``on`` and ``no`` words.
"""

from __future__ import annotations

import math
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, TypeGuard

import yaml
from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from yaml.reader import ReaderError

from ppo_cli.config.node import Node
from ppo_cli.config.problems import Origin, Problem, printable, refuse, value_text

MAX_BYTES = 256 * 1024
MAX_DEPTH = 12
MAX_NODES = 20_000
MAX_NUMBER_LENGTH = 64

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_UINT = r"(?:0|[1-9][0-9]*(?:_[0-9]+)*)"
_DIGITS = r"[0-9]+(?:_[0-9]+)*"
_INT = re.compile(rf"[-+]?{_UINT}", re.ASCII)
_FLOAT = re.compile(rf"[-+]?(?:{_UINT}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][-+]?[0-9]+)?", re.ASCII)
_NON_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF|nan|NaN|NAN)")


def read_yaml(path: Path, label: str | None = None, missing_hint: str | None = None) -> Node:
    """Read one YAML file.

    Args:
        path: The file.
        label: How to name it in messages; the path as given when None.
        missing_hint: What to say when there is no such file.

    Raises:
        UsageError: The file cannot be read, or is not YAML of the plain kind that settings need.
    """
    origin = Origin(label if label is not None else printable(str(path)), file=str(path))
    try:
        data = _read_bytes(path, origin)
    except FileNotFoundError:
        refuse([Problem(origin, None, "no such file", missing_hint)])
    return parse_yaml(_decode(data, origin), origin)


def parse_yaml(text: str, origin: Origin, key: str | None = None) -> Node:
    """Parse one YAML document.

    Args:
        text: The document.
        origin: What to name in messages.
        key: The setting whose value the text is, when it is not a whole file.

    Raises:
        UsageError: With line and column, when the text is not plain YAML.
    """
    try:
        return _Builder(yaml.parse(text, Loader=yaml.SafeLoader), origin, key).document()
    except yaml.MarkedYAMLError as error:
        hint = "indent with spaces, not with tabs" if "\\t" in str(error.problem) else None
        reason = printable(str(error.problem or error.context))
        refuse([Problem(_at(origin, error.problem_mark), key, f"not valid YAML: {reason}", hint)])
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if origin.file else None
        place = Origin(origin.label, origin.file, line)
        refuse([Problem(place, key, f"character U+{ord(text[error.position]):04X} is not allowed in YAML")])
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        refuse([Problem(origin, key, f"not valid YAML: {printable(str(error))}")])


def plain_scalar(text: str) -> Any:
    """The value of an unquoted scalar.

    >>> [plain_scalar(text) for text in ("1e-4", "1e6", "100_000", "on", "true", "~", "1:30", "010")]
    [0.0001, 1000000.0, 100000, 'on', True, None, '1:30', '010']

    Raises:
        ValueError: The number is infinite or not a number.
    """
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > MAX_NUMBER_LENGTH:
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        if math.isinf(float(text)):
            raise ValueError(f"{text} is too large for a number")
        return float(text)
    if _NON_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not a finite number")
    return text


def _read_bytes(path: Path, origin: Origin) -> bytes:
    # Not to wait for the other end of a pipe. Windows has only the last of the three.
    flags = sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_BINARY"))
    try:
        with open(os.open(path, os.O_RDONLY | flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                refuse([Problem(origin, None, "not an ordinary file")])
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise
    except IsADirectoryError:
        refuse([Problem(origin, None, "a directory, not a file")])
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        refuse([Problem(origin, None, f"cannot be read: {reason}")])
    if len(data) > MAX_BYTES:
        refuse([Problem(origin, None, f"larger than {MAX_BYTES // 1024} kB; settings need far less")])
    return data


def _decode(data: bytes, origin: Origin) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = Origin(origin.label, origin.file, data.count(b"\n", 0, error.start) + 1)
        refuse([Problem(place, None, "not UTF-8 text", "save the file as UTF-8")])


def _at(origin: Origin, mark: Any) -> Origin:
    """The place of a mark; text from the command line has no lines worth naming."""
    if origin.file is None or mark is None:
        return origin
    return Origin(origin.label, origin.file, mark.line + 1, mark.column + 1)


class _Builder:
    """Builds nodes from the parser's events, and refuses what settings do not need."""

    def __init__(self, events: Iterator[Event], origin: Origin, key: str | None) -> None:
        self.events = events
        self.origin = origin
        self.key = key
        self.count = 0

    def document(self) -> Node:
        next(self.events)  # the stream starts
        if isinstance(next(self.events), StreamEndEvent):
            return Node(None, self.origin)
        root = self.node(next(self.events), depth=0)
        next(self.events)  # the document ends
        event = next(self.events)
        if not isinstance(event, StreamEndEvent):
            self.refuse(event, "a second document starts here", "keep one document, without ---")
        return root

    def node(self, event: Event, depth: int) -> Node:
        """The node that starts with this event."""
        self.check(event, depth)
        place = _at(self.origin, event.start_mark)
        if isinstance(event, MappingStartEvent):
            return self.mapping(place, depth)
        if isinstance(event, SequenceStartEvent):
            return Node([self.node(item, depth + 1) for item in self.until(SequenceEndEvent)], place)
        assert isinstance(event, ScalarEvent)
        return Node(self.scalar(event), place)

    def check(self, event: Event, depth: int) -> None:
        self.count += 1
        if isinstance(event, AliasEvent):
            self.refuse(
                event, f"alias *{printable(str(event.anchor))} is not allowed", "write the value itself"
            )
        assert isinstance(event, MappingStartEvent | SequenceStartEvent | ScalarEvent)
        if event.anchor is not None:
            self.refuse(event, f"anchor &{printable(event.anchor)} is not allowed", "write the value itself")
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.refuse(event, f"tag {printable(tag)} is not allowed", "write the value without a tag")
        if depth > MAX_DEPTH:
            self.refuse(event, f"nested more than {MAX_DEPTH} levels deep")
        if self.count > MAX_NODES:
            self.refuse(event, f"more than {MAX_NODES} values")

    def scalar(self, event: ScalarEvent) -> Any:
        if event.style is not None:  # quoted or a block: a text
            return event.value
        try:
            return plain_scalar(event.value)
        except ValueError as error:
            self.refuse(event, str(error), "write a finite number")

    def mapping(self, place: Origin, depth: int) -> Node:
        items: dict[str, Node] = {}
        names: dict[str, Origin] = {}
        for event in self.until(MappingEndEvent):
            name = self.name(event, depth + 1)
            if name in items:
                first = f" (first on line {names[name].line})" if names[name].line else ""
                self.refuse(event, f"{value_text(name)} is given twice{first}", "keep one of the two")
            names[name] = _at(self.origin, event.start_mark)
            items[name] = self.node(next(self.events), depth + 1)
        return Node(items, place, names)

    def name(self, event: Event, depth: int) -> str:
        self.check(event, depth)
        if not _is_scalar(event):
            self.refuse(event, "a name must be a word, not a list or a mapping")
        if event.value == "<<" and event.style is None:
            self.refuse(event, "merge keys (<<) are not allowed", "write the settings themselves")
        return str(event.value)

    def until(self, end: type[Event]) -> Iterator[Event]:
        """The events up to the one of this type; between two, the caller may take more."""
        while not isinstance(event := next(self.events), end):
            yield event

    def refuse(self, event: Event, text: str, hint: str | None = None) -> NoReturn:
        refuse([Problem(_at(self.origin, event.start_mark), self.key, text, hint)])


def _is_scalar(event: Event) -> TypeGuard[ScalarEvent]:
    return isinstance(event, ScalarEvent)
