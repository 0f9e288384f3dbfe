"""What the benchmarks share: child processes, the machine's description, results files, Markdown tables.

Each benchmark prints a table and keeps its numbers in ``results/NAME.json``, one entry per thing measured,
each with the machine and the date of its measurement. Run by itself, this file prints the machine's
description.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import json
import math
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
RESULTS = REPOSITORY / "benchmarks" / "results"
PICTURES = REPOSITORY / "docs" / "pictures"
PACKAGES = ("torch", "numpy", "gymnasium", "Box2D", "stable-baselines3", "typer", "rich")
DIVERGED = 3  # exit code of `ppo train` when a run diverged: its JSON document is complete

sys.path.insert(0, str(REPOSITORY))  # what is measured is this checkout, installed or not

Entry = dict[str, Any]


def arguments(description: str) -> argparse.ArgumentParser:
    """A parser with the options of every benchmark."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="seconds instead of minutes: whether it works, no results"
    )
    parser.add_argument(
        "--show", action="store_true", help="print the table of the last results, measure nothing"
    )
    return parser


class Results:
    """The results file of one benchmark. Entries that are not measured anew stay.

    Args:
        name: The benchmark's name.
        quick: Write to a temporary folder, starting from nothing.
    """

    def __init__(self, name: str, *, quick: bool) -> None:
        folder = Path(tempfile.mkdtemp(prefix="ppo-benchmark-")) if quick else RESULTS
        self.path = folder / f"{name}.json"
        self.entries: dict[str, Entry] = {}
        if self.path.exists():
            self.entries = json.loads(self.path.read_text(encoding="utf-8"))

    def add(self, key: str, entry: Mapping[str, Any]) -> None:
        """Keep an entry and write the file."""
        self.entries[key] = {"measured": machine(), **entry}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        from ppo_cli.storage.json_file import json_text

        self.path.write_text(json_text(self.entries), encoding="utf-8")
        log(f"{key}: kept in {self.path}")


# ---------------------------------------------------------------------- child processes


def run_python(*words: object, python: Path | None = None) -> tuple[float, str]:
    """Run Python in a new process.

    Args:
        *words: What follows ``python`` on the command line.
        python: The interpreter, of another environment; None for this one's.

    Returns:
        Seconds from its start to its end, and its standard output.
    """
    # The benchmark's own folder of imports must not be the child's, whose modules it could hide.
    environment = os.environ | ({} if python else {"PYTHONPATH": str(REPOSITORY)})
    began = time.perf_counter()
    done = subprocess.run(
        [str(python or sys.executable), *map(str, words)],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - began
    if done.returncode not in (0, DIVERGED):
        raise SystemExit(f"{' '.join(map(str, words))}\nended with {done.returncode}:\n{done.stderr[-2000:]}")
    return seconds, done.stdout


def run_json(*words: object, python: Path | None = None) -> tuple[float, Any]:
    """Like :func:`run_python`, for a child that prints one JSON document."""
    seconds, output = run_python(*words, python=python)
    return seconds, json.loads(output)


def children_cpu() -> float:
    """Processor seconds of all children that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ppo_train(
    env_id: str, *options: object, settings: Iterable[str] = ()
) -> tuple[float, list[dict[str, Any]]]:
    """``ppo train`` from a cold start, in a runs folder that is removed afterwards.

    Args:
        env_id: The environment.
        *options: More words of the command line.
        settings: ``NAME=VALUE`` texts.

    Returns:
        Seconds of the whole process, and the documents of its runs.
    """
    sets = [word for setting in settings for word in ("--set", setting)]
    with tempfile.TemporaryDirectory(prefix="ppo-benchmark-") as runs_dir:
        seconds, document = run_json(
            "-m",
            "ppo_cli",
            "train",
            "--env",
            env_id,
            *options,
            *sets,
            "--runs-dir",
            runs_dir,
            "--quiet",
            "--json",
        )
    return seconds, document["runs"]


def log(message: str) -> None:
    """Tell on stderr how far the benchmark is."""
    print(message, file=sys.stderr, flush=True)


@contextmanager
def step(label: str) -> Iterator[None]:
    """Tell on stderr what is under way and how long it took."""
    print(f"{label} …", end=" ", file=sys.stderr, flush=True)
    began = time.perf_counter()
    yield
    log(f"{time.perf_counter() - began:.1f} s")


# ---------------------------------------------------------------------- the machine


@functools.cache
def machine() -> dict[str, Any]:
    """What the numbers depend on; the same for all entries of one program, as of its first call."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "cpu": cpu_model(),
        "system": platform.system(),
        "load_before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "commit": commit(),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Versions of Python, of this package and of what it is measured with."""
    from ppo_cli import __version__

    found = {"ppo-cli": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def cpu_model() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def commit() -> str | None:
    """The checkout's commit, with ``-dirty`` when the package or its settings differ from it."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        return head + ("-dirty" if _git("status", "--porcelain", "--", "ppo_cli", "configs") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def describe(*measured: Mapping[str, Any]) -> str:
    """In a line, the one machine that everything was measured on, and when."""
    first = measured[0]
    packages = ", ".join(f"{name} {version}" for name, version in first["versions"].items())
    loads = [entry["load_before"] for entry in measured if entry["load_before"] is not None]
    commits = list(dict.fromkeys(str(entry["commit"]) for entry in measured))
    dates = list(dict.fromkeys(entry["date"] for entry in measured))
    return (
        f"{first['cores']} cores, {first['cpu']}, {first['system']}; {packages}; "
        f"load before the start {_from_to(loads)}; "
        f"commit {', '.join(commits)}; {', '.join(dates)}"
    )


# ---------------------------------------------------------------------- numbers and tables


def median_or_inf(values: Sequence[float | None]) -> float:
    """The median when None is longer than any time; infinite when the median run is such a one."""
    return median(math.inf if value is None else value for value in values)


def median_and_range(values: Sequence[float]) -> dict[str, float]:
    """Median, smallest and largest value, as they are kept in a results file."""
    return {"median": median(values), "min": min(values), "max": max(values)}


def spread(summary: Mapping[str, float], digits: int = 1, unit: str = "") -> str:
    """``median (min to max)`` as text; of a single round its value."""
    low, middle, high = (number(summary[name], digits) for name in ("min", "median", "max"))
    return f"{middle}{unit}" if summary["min"] == summary["max"] else f"{middle}{unit} ({low} to {high})"


def number(value: float | None, digits: int = 0) -> str:
    """A number for a table, thousands separated; a dash where there is none."""
    return "–" if value is None or not math.isfinite(value) else f"{value:,.{digits}f}".replace("-", "−")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table. Columns of numbers are aligned to the right, words to the left."""
    body = list(rows)
    rules = ["--:" if _of_numbers(column) else ":--" for column in zip(*body, strict=True)]
    lines = [header, rules or ["--"] * len(header), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _of_numbers(column: Sequence[str]) -> bool:
    """Whether most cells that say something are numbers, with few words around them."""
    cells = [cell for cell in column if cell not in ("", "–")]
    numbers = [cell for cell in cells if cell.lstrip("−<≤")[:1].isdigit()]
    return 2 * sum(2 * sum(map(str.isalpha, cell)) < len(cell) for cell in numbers) > len(cells)


def picture(name: str, words: str) -> str:
    """A picture of ``docs/pictures``. The path is from the repository's root; a page makes it its own.

    Args:
        name: The file.
        words: What is seen on it, for those who cannot see it.
    """
    return f"![{words}]({(PICTURES / name).relative_to(REPOSITORY).as_posix()})"


def kept_comparison(document: Mapping[str, Any], *names: str) -> Entry:
    """What a results file keeps of ``ppo compare --json``: these keys, and the groups without their runs."""
    groups = [{key: value for key, value in group.items() if key != "runs"} for group in document["groups"]]
    return {**{name: document[name] for name in names}, "groups": groups}


def report(text: str, entries: Mapping[str, Entry]) -> None:
    """Print a benchmark's tables and the machines that the entries were measured on."""
    print(f"\n{text}\n\n{measured_on(entries)}")


def _from_to(values: Sequence[float]) -> str:
    return " to ".join(dict.fromkeys(str(limit(values)) for limit in (min, max))) if values else "unknown"


def measured_on(entries: Mapping[str, Entry]) -> str:
    """The machines that the entries were measured on, one a line."""
    machines: dict[str, list[Mapping[str, Any]]] = {}
    for measured in (entry["measured"] for entry in entries.values()):
        same = {key: measured[key] for key in ("cores", "cpu", "system", "versions")}
        machines.setdefault(json.dumps(same, sort_keys=True), []).append(measured)
    return "\n".join(f"Measured on {describe(*measured)}." for measured in machines.values())


if __name__ == "__main__":
    print(describe(machine()))
