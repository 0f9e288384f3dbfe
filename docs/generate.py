"""Write the generated parts of README.md and of the pages in docs/: ``make docs``.

A page says what belongs where: between ``<!-- begin NAME -->`` and ``<!-- end NAME -->`` stands the table
NAME of ``tables.py`` or ``front_page.py``, or what ``benchmarks/NAME.py`` measured last. With ``--check``
nothing is written; the exit status says whether all is up to date.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT)]

from common import Results, measured_on  # noqa: E402  of benchmarks/
from front_page import front_results, front_speed  # noqa: E402
from tables import TABLES  # noqa: E402
from torture.page import torture  # noqa: E402  of benchmarks/

MADE = TABLES | {"front_results": front_results, "front_speed": front_speed, "torture": torture}

PART = re.compile(
    r"(?P<begin><!-- begin (?P<name>[a-z0-9_]+) -->\n).*?(?P<end><!-- end (?P=name) -->)", re.DOTALL
)
LINK = re.compile(r"\]\((?P<path>(?:docs|configs|benchmarks)/[^)]*)\)")


def pages() -> list[Path]:
    """README.md and every page under docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def filled(page: Path) -> str:
    """A page with its generated parts made anew."""

    def part(found: re.Match[str]) -> str:
        body = LINK.sub(lambda link: f"]({_seen_from(page, link['path'])})", content(found["name"]))
        return f"{found['begin']}\n{body.strip()}\n\n{found['end']}"

    return PART.sub(part, page.read_text(encoding="utf-8"))


def content(name: str) -> str:
    """What belongs between the marks of a name."""
    return MADE[name]() if name in MADE else results(name)


def results(name: str) -> str:
    """What a benchmark measured last, how, and on which machine."""
    if not (ROOT / "benchmarks" / f"{name}.py").exists():
        raise SystemExit(f"{name} between two marks is neither a table nor a benchmark")
    benchmark = importlib.import_module(name)
    entries = Results(name, quick=False).entries
    if not entries:
        return f"Not measured yet: `python benchmarks/{name}.py`."
    _, _, method = inspect.cleandoc(benchmark.__doc__ or "").replace("``", "`").partition("\n\n")
    lead = f"Measured by [`python benchmarks/{name}.py`](benchmarks/{name}.py)."
    machines = "\n".join(f"_{line}_" for line in measured_on(entries).splitlines())
    return "\n\n".join(filter(None, (benchmark.text(entries), lead, method, machines)))


def _seen_from(page: Path, path: str) -> str:
    """A path from the repository's root, as a link on a page."""
    return Path(os.path.relpath(ROOT / path, page.parent)).as_posix()


def main() -> int:
    """Write the pages, or check them."""
    outdated = [page for page in pages() if filled(page) != page.read_text(encoding="utf-8")]
    for page in outdated:
        if "--check" in sys.argv[1:]:
            print(f"{page.relative_to(ROOT)} is out of date: make docs")
        else:
            page.write_text(filled(page), encoding="utf-8")
            print(f"{page.relative_to(ROOT)} is written anew")
    return len(outdated) if "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    raise SystemExit(main())
