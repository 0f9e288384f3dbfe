"""What environments do wrong in other processes: those that step them, and those that train a sweep."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from helpers.cli_runner import ppo, runs_in

CODE = """
import multiprocessing, os, sys, threading, time
import gymnasium as gym

def wait():
    time.sleep(1e6)

class Bonus(gym.Wrapper):
    steps = 0
    def __init__(self, env, fault):
        super().__init__(env)
        self.fault = fault
        if fault == "thread":
            threading.Thread(target=wait).start()
        if fault == "process":
            multiprocessing.get_context("fork").Process(target=wait).start()
    def step(self, action):
        Bonus.steps += 1
        if self.fault == "grows" and Bonus.steps > 40:
            Bonus.kept = getattr(Bonus, "kept", []) + [bytearray(100_000_000)]
        in_worker = "ppo_cli.envs.worker" in " ".join(sys.orig_argv)
        if Bonus.steps > 40 and (in_worker or self.fault == "raises"):
            print("something is wrong")
            if self.fault == "leaves":
                os._exit(7)
            if self.fault == "raises":
                raise RuntimeError("out of order")
            if self.fault == "exits":
                sys.exit(0)
        return self.env.step(action)

def make(render_mode=None, fault="none"):
    return Bonus(gym.make("Acrobot-v1", render_mode=render_mode), fault)

gym.register("Bonus-v0", entry_point=make, max_episode_steps=50)
"""
SMALL = (
    "--total-timesteps", "2048", "--set", "num_envs=16", "--set", "num_steps=32",
    "--set", "num_minibatches=2", "--set", "num_evals=0", "--set", "final_eval_episodes=2",
    "--set", "hidden_sizes=[8]",
)  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "bonus.py").write_text(CODE)
    return tmp_path


def test_consent_reaches_the_processes_that_step_environments(place: Path) -> None:
    result = ppo("train", "--env", "bonus:Bonus-v0", *SMALL, "--set", "env_workers=1", cwd=place)
    assert result.code == 0, result.stderr


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("raises", "RuntimeError: out of order"),
        ("exits", "SystemExit"),
        ("leaves", "the environment ended a process that steps it (exit status 7)"),
    ],
)
def test_a_fault_in_a_process_that_steps_environments_is_theirs(place: Path, fault: str, words: str) -> None:
    options = ("--set", "env_workers=1", "--set", f"env_kwargs.fault={fault}", "-q", "--name", "a")
    result = ppo("train", "--env", "bonus:Bonus-v0", *SMALL, *options, cwd=place)
    assert result.code == 2 and words in result.stderr, result.stderr
    assert "bug" not in result.stderr and runs_in(place) == ["a"]


@pytest.mark.parametrize("workers", ["0", "1"])
@pytest.mark.parametrize("fault", ["thread", "process"])
def test_what_is_left_behind_keeps_nobody_waiting(place: Path, fault: str, workers: str) -> None:
    options = ("--set", f"env_workers={workers}", "--set", f"env_kwargs.fault={fault}", "-q", "--name", "a")
    result = ppo("train", "--env", "bonus:Bonus-v0", *SMALL, *options, cwd=place)
    assert result.code == 0, result.stderr
    assert ppo("eval", "a", "--episodes", "1", cwd=place).code == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the system has no such limit")
def test_where_no_memory_is_left_it_is_the_environment_that_is_blamed(place: Path) -> None:
    def limited() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (6 * 10**9, 6 * 10**9))

    options = ("--set", "env_workers=0", "--set", "env_kwargs.fault=grows", "-q", "--name", "a")
    result = ppo("train", "--env", "bonus:Bonus-v0", *SMALL, *options, cwd=place, preexec_fn=limited)
    assert result.code == 2 and "memory" in result.stderr.lower(), result.stderr
    assert "bug" not in result.stderr and runs_in(place) == ["a"]


def test_a_fault_in_a_sweep_costs_the_runs_that_have_it(place: Path) -> None:
    words = ("sweep", "--env", "bonus:Bonus-v0", *SMALL, "--param", "env_kwargs.fault=none,raises")
    result = ppo(*words, "--seeds", "1", "--confirm", "0", "--workers", "1", cwd=place)
    assert result.code == 6 and "RuntimeError: out of order" in result.stderr, result.stderr
    assert "--allow-import" in result.stderr, "the command that tries again brings the consent along"
