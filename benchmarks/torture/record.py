"""What the campaign has come to: a line of JSON for each unit that was done, in the repository."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import REPOSITORY, RESULTS, cpu_model, versions

from torture.unit import Landed

RECORD = RESULTS / "torture.jsonl"
PACKAGES = ("python", "ppo-cli", "torch", "numpy", "gymnasium", "Box2D")


@dataclass(frozen=True)
class Done:
    """A unit that was done.

    Attributes:
        key: The class.
        case: Its case.
        seed: Its seed.
        landed: What it came to.
        seconds: By the clock.
        cpu_seconds: Of the processor, in all processes that were waited for.
        place: Date, commit, machine and versions.
    """

    key: str
    case: str
    seed: int
    landed: Landed
    seconds: float
    cpu_seconds: float
    place: dict[str, str]

    @property
    def unit(self) -> tuple[str, str, int]:
        """What was done, whatever it came to."""
        return self.key, self.case, self.seed

    def line(self) -> str:
        """The line in the record."""
        document = {
            "class": self.key,
            "case": self.case,
            "seed": self.seed,
            "landed": self.landed.count,
            "failures": self.landed.failures,
            "measured": self.landed.measured,
            "seconds": round(self.seconds, 2),
            "cpu_seconds": round(self.cpu_seconds, 2),
            **self.place,
        }
        return json.dumps(document, ensure_ascii=False) + "\n"


def read_record(path: Path = RECORD) -> list[Done]:
    """What was done, in that order."""
    if not path.exists():
        return []
    return [_done(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def last_tries(done: Iterable[Done]) -> list[Done]:
    """Of units that were done again, the last time."""
    return list({one.unit: one for one in done}.values())


def keep(done: Done, path: Path = RECORD) -> None:
    """Append a line; other campaigns may do the same at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(fd, done.line().encode())
    finally:
        os.close(fd)


def place() -> dict[str, str]:
    """Where and with what something is done now."""
    found = versions()
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": package_commit(),
        "machine": f"{os.cpu_count()} cores, {cpu_model()}, {platform.system()}",
        "versions": ", ".join(f"{name} {found[name]}" for name in PACKAGES if name in found),
    }


def package_commit() -> str:
    """The commit that changed the package or its settings last, with ``-dirty`` when they differ from it."""

    def git(*words: str) -> str:
        command = ["git", *words, "--", "ppo_cli", "configs"]
        return subprocess.run(
            command, cwd=REPOSITORY, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return git("log", "-1", "--abbrev=12", "--format=%h") + "-dirty" * bool(git("status", "--porcelain"))
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _done(line: dict[str, Any]) -> Done:
    landed = Landed(line["landed"], line["failures"], line["measured"])
    where = {name: line[name] for name in ("date", "commit", "machine", "versions")}
    return Done(
        line["class"], line["case"], line["seed"], landed, line["seconds"], line["cpu_seconds"], where
    )
