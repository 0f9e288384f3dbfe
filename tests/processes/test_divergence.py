"""A member that meets NaN stops and says where; the other members do not notice."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from helpers.cli_runner import Result
from helpers.ppo_process import PpoProcess
from helpers.run_outcome import csv_rows, newest_checkpoint, outcome

from ppo_cli.play.policy import load_policy
from ppo_cli.rng import Stream, episode_seed

SETTINGS = (
    "num_envs=4", "num_steps=16", "num_epochs=1", "num_minibatches=2", "hidden_sizes=[8]",
    "num_evals=3", "eval_episodes=2", "final_eval_episodes=3",
)  # fmt: skip
# CartPole, but in one episode something becomes NaN at one step.
POISONED = """
import gymnasium as gym
from gymnasium.envs.classic_control.cartpole import CartPoleEnv

class Poisoned(CartPoleEnv):
    def reset(self, *, seed=None, options=None):
        self.countdown = 5 if seed == {seed} else -1
        return super().reset(seed=seed, options=options)

    def step(self, action):
        obs, reward, terminated, truncated, info = super().step(action)
        self.countdown -= 1
        if self.countdown == 0:
            {poison}
        return obs, reward, terminated, truncated, info

gym.register("Poisoned-v0", Poisoned, max_episode_steps=500)
"""
POISONS = {"reward": "reward = float('nan')", "observation": "obs[2] = float('inf')"}
NEVER = -2


def train_poisoned(folder: Path, poison: str, seed: int, *, seeds: int = 3) -> Result:
    """Train on an environment whose episode with reset seed ``seed`` is poisoned."""
    folder.mkdir()
    (folder / "poisoned.py").write_text(POISONED.format(seed=seed, poison=POISONS[poison]))
    words = ["train", "--env", "poisoned:Poisoned-v0", "--seeds", seeds, "--total-timesteps", 64 * 12]
    words += [word for setting in SETTINGS for word in ("--set", setting)]
    return PpoProcess([*words, "--runs-dir", folder / "runs", "--json"], folder, import_from=folder).wait()


@pytest.mark.parametrize("what", POISONS)
def test_a_member_that_meets_nan_stops_and_the_others_end_as_if_nothing_had_happened(
    what: str, tmp_path: Path
) -> None:
    assert train_poisoned(tmp_path / "healthy", what, NEVER).code == 0
    poisoned_seed = episode_seed(2, Stream.EPISODE, 3, 2)  # of seed 2: environment 3, its third episode
    result = train_poisoned(tmp_path / "poisoned", what, poisoned_seed)
    assert result.code == 2, result.stderr
    first, diverged, third = json.loads(result.stdout)["runs"]
    assert [run["status"] for run in (first, diverged, third)] == ["completed", "failed", "completed"]
    for run in (first, third):
        twin = tmp_path / "healthy" / "runs" / Path(run["run_dir"]).name
        assert outcome(Path(run["run_dir"])) == outcome(twin)

    place = rf"{what} of environment 3 became non-finite at step \d+, in iteration (\d+)"
    found = re.fullmatch(place, diverged["reason"])
    assert found is not None, diverged["reason"]
    assert Path(diverged["run_dir"]).name in result.stderr and diverged["reason"] in " ".join(
        result.stderr.split()
    )
    run = Path(diverged["run_dir"])
    assert_last_good_state_is_intact(run, before=int(found[1]))
    healthy = csv_rows(tmp_path / "healthy" / "runs" / run.name / "metrics.csv")
    assert csv_rows(run / "metrics.csv") == healthy[: int(found[1]) - 1]


def assert_last_good_state_is_intact(run: Path, *, before: int) -> None:
    """The newest checkpoint is older than the iteration ``before`` and finite, and so is the policy."""
    checkpoint = newest_checkpoint(run)
    assert 1 <= checkpoint.iteration < before
    assert all(np.isfinite(tensor).all() for tensor in checkpoint.tensors.values())
    policy = load_policy(run)
    assert policy.params.isfinite().all() and policy.obs_mean.isfinite().all()
    assert json.loads((run / "summary.json").read_text())["status"] == "failed"


def test_a_run_whose_environment_fails_exits_with_2_and_fails_again_when_resumed(tmp_path: Path) -> None:
    poisoned_seed = episode_seed(1, Stream.EPISODE, 0, 3)
    result = train_poisoned(tmp_path / "runs", "reward", poisoned_seed, seeds=1)
    assert result.code == 2, result.stderr
    (run,) = json.loads(result.stdout)["runs"]
    words = ["train", "--resume", run["run_dir"], "--allow-import", "--json"]
    again = PpoProcess(words, tmp_path, import_from=tmp_path / "runs").wait()
    assert again.code == 2, again.stderr
    assert json.loads(again.stdout)["runs"][0]["reason"] == run["reason"]


def test_a_learning_rate_that_blows_up_is_named_and_no_poisoned_state_is_saved(tmp_path: Path) -> None:
    words = ["train", "--env", "Pendulum-v1", "--total-timesteps", 64 * 40, "--runs-dir", tmp_path, "--json"]
    settings = (*SETTINGS, "learning_rate=1000", "anneal_lr=false", "reward_scale=1e6", "max_grad_norm=1e6")
    words += [word for setting in settings for word in ("--set", setting)]
    result = PpoProcess(words, tmp_path).wait()
    assert result.code == 3, result.stderr
    (run,) = json.loads(result.stdout)["runs"]
    assert re.search(r"(became|became non-finite).*in iteration \d+", run["reason"])
    if (Path(run["run_dir"]) / "checkpoints").exists():
        checkpoint = newest_checkpoint(Path(run["run_dir"]))
        assert all(np.isfinite(tensor).all() for tensor in checkpoint.tensors.values())


def test_shaping_terms_of_the_users_own_that_give_nan_are_found_out(tmp_path: Path) -> None:
    (tmp_path / "my_terms.py").write_text(
        "import numpy as np\n"
        "def terms(obs):\n"
        "    return {'lean': np.where(abs(obs[..., 2]) > 0.15, np.nan, obs[..., 2])}\n"
    )
    words = ["train", "--env", "CartPole-v1", "--total-timesteps", 64 * 12, "--runs-dir", tmp_path / "runs"]
    settings = (*SETTINGS, "mode=add", "reward_shaping.terms=my_terms:terms", "custom={lean: 1}")
    words += [word for setting in settings for word in ("--set", setting)]
    result = PpoProcess([*words, "--json"], tmp_path, import_from=tmp_path).wait()
    assert result.code == 2, result.stderr
    (run,) = json.loads(result.stdout)["runs"]
    assert re.match(r"reward of environment \d became non-finite", run["reason"])
