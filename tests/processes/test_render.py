"""``ppo render`` in a process of its own: no display, consent to import, signals."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest
from helpers.cli_runner import TINY, environment, inside, ppo
from helpers.gate import GATED_PICTURES, Gate
from helpers.ppo_process import PpoProcess

NAME = "CartPole-v1-ppo-clip-s1"


def test_it_needs_no_display_and_pygame_keeps_quiet(cartpole: Path) -> None:
    env = environment()
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER", "PYGAME_HIDE_SUPPORT_PROMPT"):
        env.pop(variable, None)
    args = ("render", NAME, "--overlay", "full", "--output", "film.mp4", "--json")
    result = ppo(*args, cwd=cartpole, env=env)
    assert result.code == 0 and result.stderr == "", result.stderr
    assert json.loads(result.stdout)["bytes"] == (cartpole / "film.mp4").stat().st_size


def test_the_module_of_an_environment_is_imported_only_with_consent(tmp_path: Path) -> None:
    (tmp_path / "spied.py").write_text(
        "open('imported', 'w').close()\nimport gymnasium as gym\n"
        "gym.register('Spied-v0', 'gymnasium.envs.classic_control:CartPoleEnv', max_episode_steps=20)\n"
    )
    assert ppo("train", "--env", "spied:Spied-v0", *TINY[2:], "--name", "mine", cwd=tmp_path).code == 0
    shutil.copytree(tmp_path / "runs" / "mine", tmp_path / "runs" / "copied")  # which nobody has agreed to
    (tmp_path / "imported").unlink()
    result = inside("render", "copied", cwd=tmp_path)
    assert result.code == 2 and "--allow-import" in result.stderr and not (tmp_path / "imported").exists()
    assert ppo("render", "copied", "--allow-import", cwd=tmp_path).code == 0


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_leaves_nothing(signum: signal.Signals, tmp_path: Path) -> None:
    gate, place = Gate(tmp_path, 30), tmp_path / "place"
    place.mkdir()
    words = ("render", "--random", "--env", GATED_PICTURES, "--episodes", 20, "--output", f"{place}/frames/")
    process = PpoProcess(words, tmp_path, import_from=tmp_path)
    gate.wait_until_held(process)
    assert any(place.glob(".frames.*.tmp/frame-00003.png"))
    process.send(signum)
    gate.wait_until_noticed(process)
    gate.open()
    assert process.wait().code == 128 + signum
    assert list(place.iterdir()) == []
