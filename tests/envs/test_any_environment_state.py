"""What an environment does to the process it lives in, and what is wrapped: results stay what they are."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import wrappers
from helpers import faulty_env
from helpers.cli_runner import TINY, inside, runs_in
from helpers.faulty_env import GOES_ON, Faulty
from helpers.run_outcome import assert_same_outcome, outcome

from ppo_cli.envs import user_code
from ppo_cli.envs.user_code import import_agreed
from ppo_cli.learn import machine

TRAIN = ("train", "--env", faulty_env.register(), "--name", "a", *TINY[2:], "--seed", "1", "-q")


@pytest.fixture(autouse=True)
def in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Faulty, "wrong", {})
    monkeypatch.setattr(Faulty, "since", 0)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the run comes to where the environment leaves everything alone, by engine."""
    found = {}
    for engine in ("torch", "auto"):
        folder = tmp_path_factory.mktemp("undisturbed")
        assert inside(*TRAIN, "--set", f"engine={engine}", cwd=folder).code == 0
        found[engine] = outcome(folder / "runs" / "a")
    return found


def seeds_all() -> None:
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 (it is what careless code calls)
    random.seed(0)


def replaces_streams() -> None:
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115


def takes_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)


DISTURBS: dict[str, Callable[[], Any]] = {
    "random numbers": seeds_all,
    "threads of torch": lambda: torch.set_num_threads(3),
    "default type of torch": lambda: torch.set_default_dtype(torch.float64),
    "gradients of torch": lambda: torch.set_grad_enabled(False),
    "working directory": lambda: os.chdir("/"),
    "errors of NumPy": lambda: np.seterr(all="raise"),
    "streams": replaces_streams,
    "signals": takes_signals,
}


def state() -> tuple[Any, ...]:
    streams = sys.stdout, sys.stderr
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    of_torch = torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads()
    return os.getcwd(), np.geterr(), streams, handlers, of_torch


CELLS = [(what, where) for what in DISTURBS for where in ("init", "reset", "step", "close")]
CELLS.remove(("signals", "step"))  # they are looked after where code is called seldom: it takes too long


@pytest.mark.parametrize("engine", ["torch", "auto"])
@pytest.mark.parametrize(("what", "where"), CELLS)
def test_a_run_has_its_bits_whatever_an_environment_changes_around_it(
    what: str, where: str, engine: str, tmp_path: Path, undisturbed: dict[str, dict[str, Any]]
) -> None:
    def disturb() -> Any:
        DISTURBS[what]()
        return GOES_ON

    before = state()
    Faulty.wrong = {where: disturb}
    result = inside(*TRAIN, "--set", f"engine={engine}", cwd=tmp_path)
    assert result.code == 0, result.stderr
    assert state() == before
    assert_same_outcome(tmp_path / "runs" / "a", undisturbed[engine])


@pytest.mark.parametrize(
    "what", ["default type of torch", "gradients of torch", "working directory", "signals"]
)
def test_a_module_changes_nothing_when_it_is_imported(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = {
        "default type of torch": "import torch; torch.set_default_dtype(torch.float64)",
        "gradients of torch": "import torch; torch.set_grad_enabled(False)",
        "working directory": "import os; os.chdir('/')",
        "signals": "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)",
    }
    name = f"disturbs_{what.replace(' ', '_')}"
    (tmp_path / f"{name}.py").write_text(lines[what])
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(user_code, "_agreed", set())
    before = state()
    import_agreed(f"{name}:x", key="env_id", agreed=True)
    assert state() == before and name in sys.modules


@pytest.mark.parametrize("where", ["init", "reset"])
def test_ctrl_c_stops_a_training_whose_environment_ignores_it(where: str, tmp_path: Path) -> None:
    def ignores() -> Any:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return GOES_ON

    def asks_to_stop() -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        Faulty.wrong.pop("step")
        return GOES_ON

    before = Faulty.steps_of_all
    later = lambda: asks_to_stop() if Faulty.steps_of_all > before + 20 else GOES_ON  # noqa: E731
    Faulty.wrong = {where: ignores, "step": later}
    result = inside(*TRAIN, cwd=tmp_path)
    assert result.code == 130 and "stopped" in result.stderr, result.stderr


# ------------------------------------------------------------------ memory


def test_an_environment_that_takes_all_memory_is_stopped_with_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[int] = []
    monkeypatch.setattr(machine, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(machine, "own_memory", lambda: 10**9 + 10**8 * len(kept))
    monkeypatch.setattr(machine, "free_memory", lambda: 10**10 - 10**8 * len(kept))
    Faulty.wrong = {"step": lambda: kept.append(1) or GOES_ON}
    result = inside(*TRAIN, cwd=tmp_path)
    assert result.code == 2, result.stderr
    assert "AnyFault-v0: memory runs out" in result.stderr and "--resume" in result.stderr
    assert runs_in(tmp_path) == ["a"] and any((tmp_path / "runs" / "a" / "checkpoints").glob("it-*"))
    kept.clear()
    Faulty.wrong = {}
    assert inside("train", "--resume", "a", "-q", cwd=tmp_path).code == 0


def test_memory_that_others_take_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = iter([10**10, *[10**6] * 1000])
    monkeypatch.setattr(machine, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(machine, "free_memory", lambda: next(free))
    monkeypatch.setattr(machine, "own_memory", lambda: 10**9)
    assert inside(*TRAIN, cwd=tmp_path).code == 0


# ------------------------------------------------------------------ wrappers around ours


class Bonus(gym.Wrapper[Any, Any, Any, Any]):
    """Pays 1 more for each step."""

    def step(self, action: Any) -> Any:
        obs, reward, *ends = self.env.step(action)
        return obs, float(reward) + 1.0, *ends


WRAPPERS: dict[str, Callable[[gym.Env[Any, Any]], gym.Env[Any, Any]]] = {
    "Bonus": Bonus,
    "Autoreset": wrappers.Autoreset,
    "ClipReward": lambda env: wrappers.ClipReward(env, -1.0, 0.5),
    "FrameStackObservation": lambda env: wrappers.FrameStackObservation(env, 3),
    "MaxAndSkipObservation": lambda env: wrappers.MaxAndSkipObservation(env, 2),
    "NormalizeObservation": wrappers.NormalizeObservation,
    "NormalizeReward": wrappers.NormalizeReward,
    "PassiveEnvChecker": wrappers.PassiveEnvChecker,
    "RecordEpisodeStatistics": wrappers.RecordEpisodeStatistics,
    "TimeAwareObservation": wrappers.TimeAwareObservation,
    "TimeLimit": lambda env: wrappers.TimeLimit(env, 10),
    "DelayObservation": lambda env: wrappers.DelayObservation(env, 2),
    "DtypeObservation": lambda env: wrappers.DtypeObservation(env, np.float16),
    "StickyAction": lambda env: wrappers.StickyAction(env, 0.2),
}
OURS = ("CartPole-v1", "LunarLander-v3", "MountainCar-v0")  # kernels, a step of our own, a plain loop


@pytest.mark.parametrize("env_id", OURS)
@pytest.mark.parametrize("name", WRAPPERS)
def test_an_environment_of_ours_can_be_wrapped(name: str, env_id: str, tmp_path: Path) -> None:
    def make(render_mode: str | None = None) -> gym.Env[Any, Any]:
        return WRAPPERS[name](gym.make(env_id, render_mode=render_mode, max_episode_steps=30))

    gym.register("Wrapped-v0", make)
    try:
        train = ("train", "--env", "Wrapped-v0", "--name", "a", *TINY[2:], "--seed", "1", "--json")
        result = inside(*train, cwd=tmp_path)
    finally:
        gym.registry.pop("Wrapped-v0")
    assert result.code == 0, result.stderr
    (run,) = result.json["runs"]
    if env_id == "CartPole-v1":
        evaluation, per_step = run["eval"], {"Bonus": 2.0, "ClipReward": 0.5}.get(name)
        assert per_step is None or evaluation["mean"] == per_step * evaluation["mean_length"]
        assert name != "TimeLimit" or evaluation["mean_length"] <= 10
