"""The campaign: what is not done yet is done, unit by unit, and kept; stopped at any moment, it goes on."""

from __future__ import annotations

import gc
import os
import resource
import tempfile
import time
import traceback
from collections.abc import Iterable, Sequence
from multiprocessing import forkserver
from pathlib import Path

from common import log

from torture.classes import FaultClass
from torture.record import Done, keep, last_tries, place, read_record
from torture.unit import Landed, Work


def campaign(
    classes: Sequence[FaultClass], record: Path, *, quick: bool, minutes: float | None, again: bool
) -> list[Done]:
    """Do the units of some classes that the record does not have.

    Args:
        classes: What to do, in that order.
        record: What was done before, and where to keep what is done now.
        quick: A small sample of each class.
        minutes: Begin no unit after so many.
        again: Do the units with failures once more.

    Returns:
        What was done now.
    """
    began, now = time.monotonic(), []
    known = last_tries(read_record(record))
    done = {one.unit for one in known if not (again and one.landed.failures)}
    for one in classes:
        work = one.work()
        for case, seed in work.units(quick):
            if (one.key, case, seed) in done:
                continue
            if minutes is not None and time.monotonic() - began > 60 * minutes:
                return now
            now.append(do(one.key, work, case, seed))
            keep(now[-1], record)
            _tell(now[-1])
    return now


def do(key: str, work: Work, case: str, seed: int) -> Done:
    """Do one unit, in a folder that goes when it is done."""
    gc.collect()
    gc.freeze()
    where, began, used = place(), time.monotonic(), processor_seconds()
    with tempfile.TemporaryDirectory(prefix="ppo-torture-", ignore_cleanup_errors=True) as folder:
        try:
            landed = work.run(case, seed, Path(folder))
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            place_of_it = f"{Path(last.filename).name}:{last.lineno}"
            landed = Landed(failures=[f"{type(error).__name__} at {place_of_it}: {error}"[:1500]])
    seconds, cpu = time.monotonic() - began, processor_seconds() - used
    return Done(key, case, seed, landed, seconds, cpu, where)


def processor_seconds() -> float:
    """Of this process, its children that have ended, and those of the server that forks warm ones."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    seconds = sum(one.ru_utime + one.ru_stime for one in used)
    server = getattr(forkserver._forkserver, "_forkserver_pid", None)  # type: ignore[attr-defined]
    if server is not None:
        fields = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()
        seconds += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return seconds


def _tell(done: Done) -> None:
    landed = done.landed
    log(
        f"{done.key} {done.case}, seed {done.seed}: {landed.count} landed, {len(landed.failures)} failures, "
        f"{done.seconds:.1f} s"
    )
    for failure in landed.failures[:5]:
        log(f"    {failure}")


def failures(done: Iterable[Done]) -> int:
    """How many faults broke their promise."""
    return sum(len(one.landed.failures) for one in done)
