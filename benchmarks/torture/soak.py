"""T20. Hours of work at leisure: memory, handles and files do not grow.

Three processes work a little and rest long: one does commands one after the other, as a notebook would, two
train without an end (one of them with a second process that steps environments). Trainings are held with
SIGSTOP and let go, so the load is a few percent of a core.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from helpers.cli_runner import NAME, TINY, inside
from helpers.ppo_process import PpoProcess

from torture.unit import Landed, Units, Work

HOURS = {"two hours": 7200.0, "two minutes": 120.0}  # the latter says whether the program works
SAMPLES = 120
WARM_UP = 0.25  # of the time, in which memory may still grow
REST = 50.0  # times as long as the work
MOST_GROWTH = 1.0  # MB per hour
ENDLESS = {
    "training": ("--env", "CartPole-v1", "--set", "normalize_obs=true", "--set", "tensorboard=true"),
    "training with a worker": (
        "--env", "LunarLander-v3", "--set", "num_envs=16", "--set", "env_workers=1", "--set", "num_steps=64",
        "--set", "eval_episodes=1", "--set", "mode=log",
    ),
}  # fmt: skip
COMMANDS: Sequence[Sequence[str]] = (
    ("train", *TINY, "--json"),
    ("train", *TINY, "--algorithm", "ppo-kl"),
    ("eval", "latest", "--episodes", "3"),
    ("list",),
    ("list", "--json"),
    ("show", "latest"),
    ("compare", NAME, NAME.replace("ppo-clip", "ppo-kl")),
    ("export", "latest", "--to", "numpy", "--force"),
    ("config", "--env", "LunarLander-v3"),
)
RENDER = ("render", "latest", "--force")


def commands(folder: Path, done: Path) -> None:
    """Do all commands, rest, begin anew; each round leaves a point in ``done``."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for number in itertools.count():
        began = time.process_time()
        for words in COMMANDS if number % 20 else (*COMMANDS, RENDER):
            result = inside(*words, cwd=folder)
            if result.code:
                done.with_suffix(".fault").write_text(f"{words}: {result.code}\n{result.stderr}")
                return
        shutil.rmtree(folder / "runs")
        with done.open("a") as file:
            file.write(".")
        time.sleep(REST * (time.process_time() - began))


def soak(case: str, seed: int, folder: Path) -> Landed:
    """Let all three work, look at them again and again."""
    seconds, done = HOURS[case], folder / "done"
    (folder / "commands").mkdir()
    worker = multiprocessing.get_context("spawn").Process(target=commands, args=(folder / "commands", done))
    worker.start()
    trainings = {
        name: PpoProcess(
            ["train", *words, "--seed", seed, "--total-timesteps", "1e9", "--set", "num_evals=100000",
             "--quiet", "--runs-dir", folder / name],
            folder,
        )
        for name, words in ENDLESS.items()
    }  # fmt: skip
    assert worker.pid is not None
    samples: list[dict[str, Any]] = []
    try:
        began = time.monotonic()
        while (now := time.monotonic() - began) < seconds:
            for training in trainings.values():
                take_turns(training)
            if now >= len(samples) * seconds / SAMPLES:
                pids = {"commands": worker.pid} | {name: one.pid for name, one in trainings.items()}
                pids |= {f"{name}: child": pid for name, one in trainings.items() for pid in one.children()}
                sample: dict[str, Any] = {name: state(pid) for name, pid in pids.items()}
                samples.append({"hours": now / 3600, **sample})
                with (folder / "samples.jsonl").open("a") as file:
                    file.write(json.dumps(samples[-1]) + "\n")
    finally:
        worker.kill()
        worker.join()
        for training in trainings.values():
            set_free(training)
            training.send(signal.SIGINT)
    landed = judge(samples, strict=seconds > 3600)
    for name, training in trainings.items():
        result = training.wait()
        if result.code != 130:
            landed.failures.append(f"{name} ended with {result.code}: {result.stderr[-300:]}")
    rounds = done.stat().st_size if done.exists() else 0
    landed.count = rounds * len(COMMANDS)
    landed.measured |= {"commands done": landed.count, "hours": seconds / 3600}
    fault = done.with_suffix(".fault")
    if fault.exists():
        landed.failures.append(fault.read_text()[:600])
    return landed


def take_turns(training: PpoProcess, work: float = 0.02, rest: float = 0.7) -> None:
    """Let a training work for a moment, and hold it for a longer one."""
    set_free(training)
    time.sleep(work)
    for pid in (training.pid, *training.children()):
        _send(pid, signal.SIGSTOP)
    time.sleep(rest)


def set_free(training: PpoProcess) -> None:
    """Let a held training go on."""
    for pid in (*training.children(), training.pid):
        _send(pid, signal.SIGCONT)


def _send(pid: int, signum: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signum)


def state(pid: int) -> dict[str, float]:
    """Memory of its own in MB, open handles and threads of a process."""
    with contextlib.suppress(OSError, KeyError):  # it is gone, or waits to be collected
        status = Path(f"/proc/{pid}/status").read_text()
        values = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        megabytes = int(values["RssAnon"].split()[0]) / 1024
        handles = len(os.listdir(f"/proc/{pid}/fd"))
        return {"megabytes": round(megabytes, 3), "handles": handles, "threads": int(values["Threads"])}
    return {"megabytes": 0.0, "handles": 0, "threads": 0}


def judge(samples: Sequence[dict[str, Any]], *, strict: bool) -> Landed:
    """Whether memory, handles and threads stayed as they were after the warm-up."""
    landed = Landed()
    later = samples[int(WARM_UP * len(samples)) :]
    for name in {key for sample in later for key in sample} - {"hours"}:
        points = [(sample["hours"], sample[name]) for sample in later if name in sample]
        if len(points) < 3 or not isinstance(points[0][1], dict):
            continue
        growth = slope([(hour, one["megabytes"]) for hour, one in points])
        handles, threads = ([one[what] for _, one in points] for what in ("handles", "threads"))
        landed.measured[name] = {
            "megabytes": points[-1][1]["megabytes"],
            "megabytes_per_hour": round(growth, 3),
            "handles": [min(handles), max(handles)],
            "threads": [min(threads), max(threads)],
        }
        if strict and growth >= MOST_GROWTH:
            landed.failures.append(f"{name} grows by {growth:.2f} MB per hour")
        if min(handles[-5:]) > max(handles[:5]) or min(threads[-5:]) > max(threads[:5]):
            landed.failures.append(f"{name} gathers handles {handles} or threads {threads}"[:300])
    return landed


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The rise of the straight line through points, by least squares."""
    x, y = mean(p for p, _ in points), mean(q for _, q in points)
    return sum((p - x) * (q - y) for p, q in points) / sum((p - x) ** 2 for p, _ in points)


def units(quick: bool) -> Units:
    """One, of two hours."""
    yield ("two minutes" if quick else "two hours", 1)


SOAK = Work(units, soak)
