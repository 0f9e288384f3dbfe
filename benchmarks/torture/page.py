"""The table of docs/reliability.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from common import number, table

from torture.classes import CLASSES, FaultClass
from torture.record import Done, last_tries, read_record

HEADER = (
    "", "what is done", "what must hold", "wanted", "landed", "failed", "at 95 %", "seeds", "wall", "CPU",
)  # fmt: skip


def torture(done: Iterable[Done] | None = None) -> str:
    """What the campaign came to, class by class, and where it was done."""
    found = list(last_tries(read_record()) if done is None else done)
    if not found:
        return "Nothing is done yet: `make torture-release`."
    rows = [_row(kind, [one for one in found if one.key == kind.key]) for kind in CLASSES]
    faults, broken = (sum(f(one) for one in found) for f in (_landed, _failed))
    total = f"In all {number(faults)} faults landed, of which {number(broken)} broke their promise."
    return "\n\n".join((table(HEADER, rows), total, _places(found)))


def _landed(done: Done) -> int:
    return done.landed.count


def _failed(done: Done) -> int:
    return len(done.landed.failures)


def _row(kind: FaultClass, done: Sequence[Done]) -> list[str]:
    if not done:  # what is missing is to be seen
        return [kind.key, kind.fault, kind.promise, number(kind.wanted or None), *["–"] * 6]
    count, failed = sum(map(_landed, done)), sum(map(_failed, done))
    seeds = sorted({one.seed for one in done})
    return [
        kind.key,
        kind.fault,
        kind.promise,
        number(kind.wanted or None),
        number(count),
        number(failed),
        bound(count, failed),
        str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}",
        span(sum(one.seconds for one in done)),
        span(sum(one.cpu_seconds for one in done)),
    ]


def bound(count: int, failed: int) -> str:
    """Without a failure: how rare failures are at least, by the rule of three."""
    return f"< {300 / count:.3g} %" if count and not failed else "–"


def span(seconds: float) -> str:
    """Seconds in a unit that is easy to read."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def _places(done: Sequence[Done]) -> str:
    lines = {}
    for one in done:
        where = (one.place["machine"], one.place["versions"])
        lines.setdefault(where, []).append(one.place)
    return "\n".join(
        f"_Done on {machine}; {versions}; commits {_each(places, 'commit')}; {_each(places, 'date')}._"
        for (machine, versions), places in lines.items()
    )


def _each(places: Sequence[dict[str, str]], name: str) -> str:
    return ", ".join(dict.fromkeys(place[name] for place in places))
