"""All classes of faults, in the order to do them: the cheap ones first."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from torture.unit import Work


@dataclass(frozen=True)
class FaultClass:
    """A class of faults.

    Attributes:
        key: ``T1`` to ``T20``.
        place: Where its work is: a module of this folder, and a name there.
        wanted: Faults that the campaign is to land; 0 where hours are counted.
        fault: What is done, in words.
        promise: What must hold all the same.
    """

    key: str
    place: str
    wanted: int
    fault: str
    promise: str

    def work(self) -> Work:
        """Its units, and what does them. Only now is imported what that needs."""
        module, _, name = self.place.partition(":")
        found = getattr(importlib.import_module(f"torture.{module}"), name)
        assert isinstance(found, Work)
        return found


CLASSES: tuple[FaultClass, ...] = (
    FaultClass(
        "T5",
        "corruption:CORRUPTION",
        20000,
        "a checkpoint, a policy or another file of a run is damaged",
        "noticed and named; the checkpoint before it is taken, a resumed run ends with the same bits",
    ),
    FaultClass(
        "T7",
        "hostile_yaml:HOSTILE_YAML",
        100000,
        "a YAML file is spoiled: settings, sweeps, preference sets",
        "it is read, or refused in a sentence with exit code 2; no traceback, nothing takes long",
    ),
    FaultClass(
        "T8",
        "hostile_words:HOSTILE_WORDS",
        10000,
        "a command line of random commands, options, values and names",
        "a documented exit code and a sentence; no traceback, no hang, nothing written outside the folder",
    ),
    FaultClass(
        "T6",
        "strangers:STRANGERS",
        60,
        "a run of a stranger holds pickles, bombs, links, devices, sizes that overflow; six commands open it",
        "no code runs, no file appears elsewhere, an answer in seconds with little memory",
    ),
    FaultClass(
        "T14",
        "resuming:RESUMING",
        600,
        "a run is stopped after iteration 1, 2, ... 29 of 30, and after each of them",
        "resumed, it ends with the same bits",
    ),
    FaultClass(
        "T16",
        "storm:STORM",
        1000,
        "1,000 runs of one name are made by 10 processes at once; the clock jumps by an hour to 60 years",
        "as many folders, each whole, numbered without a gap; the same bits",
    ),
    FaultClass(
        "T19",
        "roundtrips:ROUND_TRIPS",
        100,
        "a policy of any kind and size goes to safetensors, NumPy, ONNX, Stable-Baselines3",
        "the same bits from safetensors; the same actions, and logits and values to rounding, elsewhere",
    ),
    FaultClass(
        "T13",
        "poison:POISON",
        81,
        "NaN, infinity or the largest number in one of nine places of a training",
        "no checkpoint and no policy holds it; exit code 0, 2 or 3 and the place",
    ),
    FaultClass(
        "T15",
        "determinism:DETERMINISM",
        60,
        "the same seed again, with more threads, with workers; ten seeds' random streams",
        "the same bits; no two streams begin alike",
    ),
    FaultClass(
        "T17",
        "terminals:TERMINALS",
        60,
        "terminals and pipes: dumb, unknown, 1 to 10,000 columns, ASCII, closed; names that are markup",
        "no traceback, no escape sequence in a pipe, no stranger's link",
    ),
    FaultClass(
        "T9",
        "races:TWO_WRITERS",
        200,
        "3 processes at once make or resume one run, one sweep, one preference set",
        "one writes at a time, the others say so (2 or 4); the same bits, no line lost or doubled",
    ),
    FaultClass(
        "T2",
        "operations:DEATH_AT_OPERATIONS",
        4000,
        "`train`, `sweep` and `prefer` die at each file operation; writes are torn, unsynced ones lost",
        "the same command again comes to the same bits, nothing half written stays",
    ),
    FaultClass(
        "T3",
        "operations:FAILING_OPERATIONS",
        4800,
        "each file operation fails once: ENOSPC, EIO, EDQUOT, EROFS, EACCES, EMFILE",
        "a documented exit code and a sentence; the same command again comes to the same bits",
    ),
    FaultClass(
        "T1",
        "kills:KILLED_TRAININGS",
        2000,
        "`kill -9` of a training, half of them while files are written",
        "resumed, it ends with the same weights, tables and best policy, bit for bit",
    ),
    FaultClass(
        "T4",
        "full_disk:FULL_DISK",
        120,
        "a disk of 64 kB to 4 MB in 40 sizes, a longest file of any size, /dev/full as stdout",
        "exit code 74 and one line; with space it goes on to the same bits",
    ),
    FaultClass(
        "T11",
        "env_faults:ENV_FAULTS",
        200,
        "a process that steps environments is killed, held or crashes; an environment fails in any way",
        "an error that names it, within the time that a call has; exit code 2, nothing stays, resuming works",
    ),
    FaultClass(
        "T12",
        "signals:SIGNALS",
        400,
        "SIGINT, SIGTERM, SIGHUP to a training: once, twice, while held by SIGTSTP, to its workers too",
        "exit code 130, 143 or 129; resumed, it ends with the same bits",
    ),
    FaultClass(
        "T18",
        "vanishing:VANISHING",
        40,
        "a run's folder is removed, moved or replaced while it is written",
        "exit code 0, 5 or 74 and a line; nothing is written through a link or over a stranger's file",
    ),
    FaultClass(
        "T10",
        "kills:KILLED_SWEEPS",
        500,
        "`kill -9` of a sweep's worker, of the sweep, of all, or of a sweep with stopped workers",
        "the same command again trains each point once, to the same bits; no process stays behind",
    ),
    FaultClass(
        "T20",
        "soak:SOAK",
        0,
        "hours of commands in one process and of trainings without an end",
        "memory grows by less than 1 MB per hour, handles and threads do not",
    ),
)
