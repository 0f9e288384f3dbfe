"""Write the tables of the README and of ``docs/`` from code and results: ``python benchmarks/readme.py``.

With ``--check`` nothing is written; the exit status says whether all are up to date. A test runs it, so a
setting, metric or command that is not in the README fails the tests.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradient_variance
import growth
import policies
import pruning
import ranking
import scale
import shaping_study
import solved
import startup
import sweep_speed
import sweeps_shown
import throughput
import time_to_solve
from common import Results, table

ROOT = Path(__file__).resolve().parent.parent


def algorithms_table() -> str:
    """Every algorithm with its loss and its paper."""
    from ppo_cli.config.algorithms import ALGORITHMS

    rows = [
        (f"`{name}`", facts.summary, f"`{_in_cell(facts.formula)}`", _in_cell(facts.paper))
        for name, facts in ALGORITHMS.items()
    ]
    return table(("algorithm", "in a line", "loss", "paper"), rows)


def settings_table() -> str:
    """Every setting with its type, default, users and meaning."""
    from ppo_cli.config.algorithms import ALGORITHMS, users_of
    from ppo_cli.config.settings import SETTINGS

    rows = (
        (
            f"`{setting.path}`",
            setting.expected,
            f"`{_plain(setting.default)}`",
            "yes" if setting.per_member else "",
            "" if users_of(setting.name) == tuple(ALGORITHMS) else ", ".join(users_of(setting.name)),
            setting.help,
        )
        for setting in SETTINGS
    )
    return table(("setting", "type and range", "default", "per member", "only of", "meaning"), rows)


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
    """The table of a benchmark's last results; how to measure them where there are none."""

    def make() -> str:
        entries = Results(name, quick=False).entries
        return text(entries) if entries else f"Not measured yet: `python benchmarks/{name}.py`."

    return make


SECTIONS: dict[str, Callable[[], str]] = {
    "solved": results("solved", solved.text),
    "time_to_solve": results("time_to_solve", time_to_solve.text),
    "throughput": results("throughput", throughput.text),
    "startup": results("startup", startup.text),
    "sweeps_shown": results("sweeps_shown", sweeps_shown.text),
    "shaping_study": results("shaping_study", shaping_study.text),
    "pruning": results("pruning", pruning.text),
    "sweep_speed": results("sweep_speed", sweep_speed.text),
    "growth": results("growth", growth.text),
    "algorithms": algorithms_table,
    "ranking": results("ranking", ranking.text),
    "policies": results("policies", policies.text),
    "gradient_variance": results("gradient_variance", gradient_variance.text),
    "commands": commands_table,
    "settings": settings_table,
    "metrics": metrics_table,
}


PAGES: dict[Path, dict[str, Callable[[], str]]] = {
    ROOT / "README.md": SECTIONS,
    ROOT / "docs" / "ten_thousand_runs.md": {"costs": results("scale", scale.text)},
}


def filled(text: str, sections: dict[str, Callable[[], str]]) -> str:
    """A page with its generated sections written anew."""
    for name, make in sections.items():
        pattern = re.compile(rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
        text, count = pattern.subn(_between(make()), text)
        if count != 1:
            raise SystemExit(f"there must be one section {name!r}, found {count}")
    return text


def _between(body: str) -> Callable[[re.Match[str]], str]:
    return lambda found: f"{found[1]}\n{body.strip()}\n\n{found[2]}"


def _in_cell(text: str) -> str:
    return text.replace("|", "\\|")


def _plain(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(list(value)) if isinstance(value, tuple) else str(value)


def main() -> int:
    """Write the pages, or check them."""
    outdated = 0
    for page, sections in PAGES.items():
        text = page.read_text(encoding="utf-8")
        new = filled(text, sections)
        if "--check" not in sys.argv[1:]:
            page.write_text(new, encoding="utf-8")
        elif new != text:
            print(f"{page.name} is out of date: python benchmarks/readme.py")
            outdated += 1
    return outdated


if __name__ == "__main__":
    raise SystemExit(main())
