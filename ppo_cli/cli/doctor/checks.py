"""The checks of ``ppo doctor``. What imports torch or an environment runs in a process of its own.

So a library that crashes the interpreter is a finding like any other, and nothing that one check sets or
loads reaches the next.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import ppo_cli

_TIMEOUT_SECONDS = 120
_FSYNC_BYTES = 70_000
_SLOW_FSYNC_SECONDS = 0.05
_BOX2D = ("box2d", "ufal-pybox2d", "box2d-py")

Finding = tuple[bool, str, str]
"""Whether it is well, what was found, and what to do about it (empty when nothing)."""


def run_check(name: str, check: Callable[[Path], Finding], runs_dir: Path) -> dict[str, Any]:
    """Run a check; returns its document. Any exception of it is reported as a failed check."""
    try:
        ok, detail, fix = check(runs_dir)
    except Exception as error:  # whatever is broken, the other checks go on
        ok, detail, fix = False, f"{type(error).__name__}: {error}", "report this"
    return {"name": name, "ok": ok, "detail": detail, "fix": fix}


def check_python(runs_dir: Path) -> Finding:
    """The interpreter."""
    ok = sys.version_info >= (3, 11)
    return (
        ok,
        f"{platform.python_version()} on {platform.platform()}",
        "" if ok else "install Python 3.11 or newer",
    )


def check_torch(runs_dir: Path) -> Finding:
    """Which torch, built for what."""
    ok, answer = probe("import torch; print(torch.__version__, '(CUDA)' if torch.version.cuda else '(CPU)')")
    return ok, answer, "" if ok else "install torch, in its build for the CPU, as its own site says"


def check_threads(runs_dir: Path) -> Finding:
    """Torch's threads; `ppo` sets its own number (`compute.num_threads`)."""
    ok, answer = probe("import torch; print(torch.get_num_threads())")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    detail = f"torch would use {answer} of {cores} cores; ppo uses compute.num_threads" if ok else answer
    return ok, detail, "" if ok else "see the check of torch"


def check_kernels(runs_dir: Path) -> Finding:
    """The compiled kernels: which, and whether they compute what they should. Torch can do without them."""
    ok, answer = probe(_KERNELS)
    if not ok:
        return False, answer, "PPO_KERNELS=off switches them off; please report this"
    found = json.loads(answer)
    return found["ok"], found["detail"], found["fix"]


def check_gymnasium(runs_dir: Path) -> Finding:
    """Gymnasium, and that an environment steps."""
    ok, answer = probe(_PLAY.format(env_id="CartPole-v1"))
    detail = f"{metadata.version('gymnasium')}, {answer}" if ok else answer
    return ok, detail, "" if ok else 'pip install "gymnasium>=1.2.3,<2"'


def check_box2d(runs_dir: Path) -> Finding:
    """Box2D for LunarLander and BipedalWalker. Of the packages that provide it only one may be there."""
    installed = [f"{name} {_version(name)}" for name in _BOX2D if _version(name)]
    if len(installed) > 1:
        names = " ".join(entry.split()[0] for entry in installed)
        return (
            False,
            f"more than one provider: {', '.join(installed)}",
            f"pip uninstall {names}, then install one of them",
        )
    ok, answer = probe(_PLAY.format(env_id="LunarLander-v3"))
    detail = f"{installed[0] if installed else 'no provider'}, {answer}"
    return ok, detail, "" if ok else "pip install box2d==2.3.10, or ufal-pybox2d where it has no wheel"


def check_rendering(runs_dir: Path) -> Finding:
    """Frames without a display."""
    ok, answer = probe(_RENDER, SDL_VIDEODRIVER="dummy")
    return ok, answer, "" if ok else "pip install pygame-ce"


def check_runs_dir(runs_dir: Path) -> Finding:
    """Whether runs can be written; the folder is not made for it."""
    place = _existing(runs_dir)
    if place is None or not place.is_dir():
        return (
            False,
            f"{place or runs_dir} is not a folder",
            "choose another folder with --runs-dir or PPO_RUNS_DIR",
        )
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".ppo-doctor-"):
            return True, f"{runs_dir.absolute()} can be written", ""
    except OSError as error:
        detail = f"{place}: {error.strerror}"
        return False, detail, "make it writable, or choose another folder with --runs-dir or PPO_RUNS_DIR"


def check_fsync(runs_dir: Path) -> Finding:
    """Measure how long a durable save of a checkpoint takes."""
    place = _existing(runs_dir)
    if place is None or not place.is_dir():
        return False, "not tried: there is no folder to write in", "see the check of the runs folder"
    times = []
    with tempfile.NamedTemporaryFile(dir=place, prefix=".ppo-doctor-") as file:
        for _ in range(9):
            start = time.perf_counter()
            file.seek(0)
            file.write(b"\0" * _FSYNC_BYTES)
            file.flush()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - start)
    median = statistics.median(times)
    slow = median > _SLOW_FSYNC_SECONDS
    detail = f"{median * 1e3:.2f} ms for {_FSYNC_BYTES // 1000} kB" + (
        ", slow: checkpoints will be rarer" if slow else ""
    )
    return True, detail, "put the runs on a local disk" if slow else ""


CHECKS: dict[str, Callable[[Path], Finding]] = {
    "python": check_python,
    "torch": check_torch,
    "threads": check_threads,
    "kernels": check_kernels,
    "gymnasium": check_gymnasium,
    "box2d": check_box2d,
    "rendering": check_rendering,
    "runs folder": check_runs_dir,
    "fsync": check_fsync,
}

_PLAY = """
from ppo_cli.envs.factory import make_env
env = make_env("{env_id}")
env.reset(seed=0)
env.step(env.action_space.sample())
print("{env_id} plays")
"""

_KERNELS = """
import dataclasses, json
from ppo_cli.kernels.summary import summary
print(json.dumps(dataclasses.asdict(summary())))
"""

_RENDER = """
from ppo_cli.envs.factory import make_env
env = make_env("CartPole-v1", render_mode="rgb_array")
env.reset(seed=0)
print("frames of", "x".join(map(str, env.render().shape[1::-1])), "pixels without a display")
"""


def probe(code: str, **environment: str) -> tuple[bool, str]:
    """Run Python code in a process of its own; whether it worked, and the last line that it printed."""
    package = str(Path(ppo_cli.__file__).parents[1])
    path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    env = {**os.environ, "PYTHONPATH": path, "PYGAME_HIDE_SUPPORT_PROMPT": "1", **environment}
    command = [sys.executable, "-P", "-c", code]
    try:
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return False, f"no answer in {_TIMEOUT_SECONDS} s"
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return done.returncode == 0, lines[-1] if lines else f"ended with {done.returncode}"


def _existing(folder: Path) -> Path | None:
    """The folder, or the nearest one above that exists."""
    absolute = folder.absolute()
    return next((place for place in (absolute, *absolute.parents) if place.exists()), None)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
