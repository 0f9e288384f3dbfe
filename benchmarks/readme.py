"""Write the README's tables from the code and the results: ``python benchmarks/readme.py``.

With ``--check`` nothing is written; the exit status says whether the README is up to date. A test calls
:func:`filled`, so a setting, metric or command that is not in the README fails the tests.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import growth
import pruning
import solved
import startup
import sweep_speed
import sweeps_shown
import throughput
import time_to_solve
from common import Results, table

README = Path(__file__).resolve().parent.parent / "README.md"


def settings_table() -> str:
    """Every setting with its type, default and meaning."""
    from ppo_cli.config import SETTINGS

    rows = (
        (
            f"`{setting.path}`",
            setting.expected,
            f"`{_plain(setting.default)}`",
            "yes" if setting.per_member else "",
            setting.help,
        )
        for setting in SETTINGS
    )
    return table(("setting", "type and range", "default", "per member", "meaning"), rows)


def metrics_table() -> str:
    """Every column of ``metrics.csv``."""
    from ppo_cli.metrics import METRICS, TERM_PREFIX

    rows = [(f"`{metric.name}`", metric.meaning) for metric in METRICS]
    rows.append((f"`{TERM_PREFIX}<term>`", "mean per step of each shaping term over the same episodes"))
    return table(("metric", "meaning"), rows)


def commands_table() -> str:
    """Every command with the first line of its help."""
    from ppo_cli.cli import COMMANDS

    rows = [
        (f"`ppo {name}`", (command.__doc__ or "").partition("\n")[0]) for name, command in COMMANDS.items()
    ]
    return table(("command", "does"), rows)


def results(name: str, text: Callable[[Any], str]) -> Callable[[], str]:
    """The table of a benchmark's last results."""
    return lambda: text(Results(name, quick=False).entries)


SECTIONS: dict[str, Callable[[], str]] = {
    "solved": results("solved", solved.text),
    "time_to_solve": results("time_to_solve", time_to_solve.text),
    "throughput": results("throughput", throughput.text),
    "startup": results("startup", startup.text),
    "sweeps_shown": results("sweeps_shown", sweeps_shown.text),
    "pruning": results("pruning", pruning.text),
    "sweep_speed": results("sweep_speed", sweep_speed.text),
    "growth": results("growth", growth.text),
    "commands": commands_table,
    "settings": settings_table,
    "metrics": metrics_table,
}


def filled(text: str) -> str:
    """The README with its generated sections written anew."""
    for name, make in SECTIONS.items():
        pattern = re.compile(rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
        text, count = pattern.subn(_between(make()), text)
        if count != 1:
            raise SystemExit(f"README.md needs one section {name!r}, found {count}")
    return text


def _between(body: str) -> Callable[[re.Match[str]], str]:
    return lambda found: f"{found[1]}\n{body.strip()}\n\n{found[2]}"


def _plain(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(list(value)) if isinstance(value, tuple) else str(value)


def main() -> int:
    """Write the README, or check it."""
    text = README.read_text(encoding="utf-8")
    new = filled(text)
    if "--check" in sys.argv[1:]:
        print("up to date" if new == text else "README.md is out of date: python benchmarks/readme.py")
        return int(new != text)
    README.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
