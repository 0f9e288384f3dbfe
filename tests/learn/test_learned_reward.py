"""Training by a reward model near a reference: every algorithm, to the bits it has alone and after a stop."""

from __future__ import annotations

import csv
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.cli_runner import inside
from helpers.preference_sets import QUICK, make_set
from helpers.run_outcome import assert_same_outcome, outcome
from helpers.small_runs import config_of, resume, start
from helpers.training_helpers import make_config, population, train_members
from torch import Tensor

from ppo_cli.api.reward_model import fit_reward_model
from ppo_cli.config.algorithms import ALGORITHMS
from ppo_cli.config.identity import static_key
from ppo_cli.config.schema import RunConfig
from ppo_cli.errors import UsageError
from ppo_cli.learn.build import open_population
from ppo_cli.learn.learned_reward import learned_rewards
from ppo_cli.learn.population_state import PopulationState
from ppo_cli.learn.relabelling import adapted_coef, to_reference
from ppo_cli.learn.rollout import Rollout
from ppo_cli.learn.trainer import collect, log_episodes, relabel
from ppo_cli.play.policy import load_policy
from ppo_cli.rewards.inputs import Transitions, action_inputs
from ppo_cli.rewards.model import RewardModel
from ppo_cli.rewards.sequences import sequences_of_clips
from ppo_cli.runs.run_dir import RunDir

LIMIT = {"max_episode_steps": 20}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two fitted sets and a run to stay near, in one runs folder."""
    runs = tmp_path_factory.mktemp("house") / "runs"
    for name, words in (("mlp", ()), ("transformer", ("network=transformer", "width=8"))):
        make_set(runs, name, "length=8", pairs=30, seed=len(name))
        fit_reward_model(name, settings=[*QUICK, *words], runs_dir=runs)
    run = start(config_of("CartPole-v1", "learning_rate=0.03", "normalize_obs=true", iterations=2), runs)
    run.path.rename(runs / "near")
    return runs


def small(house: Path, model: str, algorithm: str = "ppo-clip", **values: Any) -> RunConfig:
    """Four iterations that learn from a model near a run."""
    whole = ALGORITHMS[algorithm].whole_episodes
    shape: dict[str, Any] = {"num_envs": 4, "num_steps": 44, "num_minibatches": 2} if whole else {}
    if "group_size" in ALGORITHMS[algorithm].settings:
        shape["group_size"] = 2
    named = model if model in ("constant", "random") else str(house / model)
    shape |= {"env_kwargs": LIMIT, "reward_model": named, "reference": str(house / "near"), "num_evals": 2}
    return make_config("CartPole-v1", algorithm=algorithm, **(shape | {"reference_coef": 0.1, **values}))


# ---------------------------------------------------------------------- independence and resuming


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_members_with_models_of_their_own_have_the_bits_they_have_alone(
    algorithm: str, engine: str, house: Path
) -> None:
    models = ("mlp", "transformer", "constant", "random")
    configs = [
        small(house, model, algorithm, seed=seed, reference_coef=seed / 10, normalize_obs=True,
              reference_kl=0.01 * seed if seed > 2 else None, learning_rate=0.02, engine=engine)
        for seed, model in enumerate(models, 1)
    ]  # fmt: skip
    assert len({static_key(config) for config in configs}) == 1

    def poison_the_first(state: PopulationState) -> None:
        if state.learner.iteration == 2 and len(state.members) == 4:
            state.learner.agent.params[0, 3] = torch.nan

    alone = [train_members([config])[0] for config in configs]
    assert all(one.episodes and one.status == "training" for one in alone)
    for one, expected in zip(train_members(configs), alone, strict=True):
        assert one.differences(expected) == []
    diverged, *others = train_members(configs, meddle=poison_the_first)
    assert diverged.status == "diverged"
    for one, expected in zip(others, alone[1:], strict=True):
        assert one.differences(expected) == []


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("model", ["mlp", "transformer", "random"])
def test_a_run_goes_on_to_the_bit_without_its_originals(
    algorithm: str, model: str, engine: str, house: Path, tmp_path: Path
) -> None:
    words = ["reward_model=" + model, "reference=near", "reference_coef=0.2", "reference_kl=0.02"]
    words += ["env_kwargs={max_episode_steps: 20}", f"algorithm={algorithm}", "learning_rate=0.01"]
    words.append(f"engine={engine}")
    if ALGORITHMS[algorithm].whole_episodes:
        words.append("num_steps=44")
    words += ["group_size=2"] if algorithm == "grpo" else []
    config = config_of("CartPole-v1", *words)
    for name in ("undisturbed", "stopped"):
        shutil.copytree(house, tmp_path / name)
    expected = outcome(start(config, tmp_path / "undisturbed").path)
    run = start(config, tmp_path / "stopped", stop_at=3)
    for name in ("mlp", "transformer", "near"):
        shutil.rmtree(tmp_path / "stopped" / name)
    assert resume(run).members[0].status == "completed"
    assert_same_outcome(run.path, expected)
    assert {"reward_model.safetensors", "reference.safetensors"} <= set(expected["files"])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-9] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("harm", [flip, Path.unlink])
def test_a_run_without_its_copy_is_not_resumed(
    harm: Callable[[Path], None], house: Path, tmp_path: Path
) -> None:
    run = start(config_of("CartPole-v1", f"reward_model={house / 'mlp'}"), tmp_path, stop_at=2)
    harm(run.reward_model_path)
    result = inside("train", "--resume", str(run.path), cwd=tmp_path)
    assert result.code == 5 and "learning.reward_model" in result.stderr and "bring it back" in result.stderr


# ---------------------------------------------------------------------- what is learned from


def state_of(config: RunConfig) -> Any:
    return open_population(population([config]))


@pytest.mark.parametrize("model", ["mlp", "transformer"])
def test_the_learner_sees_the_models_rewards_less_the_price_of_leaving_the_reference(
    model: str, engine: str, house: Path
) -> None:
    config = small(house, model, reward_scale=0.5, reference_coef=0.3, num_steps=60, engine=engine)
    with state_of(config) as state:
        rollout = collect(state)
        log_ratio, _ = to_reference(state, rollout)
        seen, metrics = relabel(state, rollout)
        paid = seen.rewards / 0.5 + 0.3 * log_ratio.where(rollout.mask, 0.0)
    assert (seen.rewards[~rollout.mask] == 0).all() and (~rollout.mask).any()
    path = next((house / model / "fits").iterdir()) / "reward.safetensors"
    judge = RewardModel.load(path)
    for env in range(3):  # the first episode of each environment, seen as one clip
        ends = (rollout.terminated | rollout.truncated)[0, :, env].nonzero().flatten()
        length = int(ends[0]) + 1
        clip = Transitions(
            rollout.raw_obs[0, :length, env][None], rollout.actions[0, :length, env][None],
            rollout.raw_obs[0, 1 : length + 1, env][None], rollout.terminated[0, :length, env][None],
        )  # fmt: skip
        expected = judge.rewards(*sequences_of_clips(clip, judge.context)).mean(0)
        torch.testing.assert_close(paid[0, :length, env], expected, rtol=1e-4, atol=1e-5)
    assert metrics["rollout/disagreement"].item() > 0


@pytest.mark.parametrize("model", ["mlp", "transformer"])
def test_what_one_rollout_leaves_the_next_goes_on_with(model: str, engine: str, house: Path) -> None:
    config = small(house, model, num_steps=30, engine=engine)
    with state_of(config) as state:
        rollout = collect(state)
        seen = Transitions(
            rollout.raw_obs[0, :-1], rollout.actions[0], rollout.raw_obs[0, 1:], rollout.terminated[0]
        )
        mask, done = rollout.mask[0], rollout.terminated[0] | rollout.truncated[0]
        assert done.any() and not mask.all()
        whole = learned_rewards(state.members, state.rows.envs.spec, state.agent.net.kernels)
        assert whole is not None and state.rows.learned is not None
        expected, _ = whole.members[0].relabel(seen, mask, done)
        parts = []
        for steps in (slice(0, 11), slice(11, 13), slice(13, 30)):
            part = Transitions(*(values[steps] for values in vars(seen).values()))
            parts.append(state.rows.learned.members[0].relabel(part, mask[steps], done[steps])[0])
    torch.testing.assert_close(torch.cat(parts), expected, rtol=1e-4, atol=1e-5)


def test_the_divergence_from_the_reference_is_exact_and_zero_from_itself(engine: str, house: Path) -> None:
    with state_of(small(house, "constant", reference="initial", num_minibatches=3, engine=engine)) as state:
        rollout = collect(state)
        log_ratio, kl = to_reference(state, rollout)
        assert log_ratio.abs().max() == 0 and kl.item() == 0
    with state_of(small(house, "constant", engine=engine)) as state:
        rollout = collect(state)
        _, kl = to_reference(state, rollout)
        own = state.agent.net.forward(state.learner.agent.params, rollout.obs[:, :-1].flatten(1, 2))[0].head[
            0
        ]
        policy = load_policy(house / "near")
        raw = rollout.raw_obs[:, :-1].flatten(1, 2)
        other = policy.net.forward(policy.params, policy.normalizer(raw))[0].head[0]
        both = [torch.distributions.Categorical(logits=logits.clone()) for logits in (own, other)]
        expected = torch.distributions.kl_divergence(*both)[rollout.mask.flatten(1, 2)[0]].mean()
    torch.testing.assert_close(kl[0], expected, rtol=1e-4, atol=1e-6)


def test_the_price_adapts_to_the_divergence_that_is_wanted(house: Path) -> None:
    with state_of(small(house, "constant", reference_coef=0.4, reference_kl=0.1)) as state:
        hyper = state.hyper_now()
        for kl, expected in ((0.05, 0.2), (0.1, 0.4), (0.2, 0.8)):
            assert adapted_coef(torch.tensor([kl]), hyper).item() == pytest.approx(expected)
    with state_of(small(house, "constant", reference_coef=0.4)) as state:
        assert adapted_coef(torch.tensor([9.0]), state.hyper_now()).item() == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("env_id", "values"),
    [
        ("Pendulum-v1", {"squash": True}),
        ("Pendulum-v1", {}),
        ("MountainCarContinuous-v0", {"policy": "beta"}),
        ("CartPole-v1", {"env_kwargs": {"max_episode_steps": 500}}),
    ],
    ids=str,
)
def test_a_model_sees_the_actions_that_the_environments_got(
    env_id: str, values: dict[str, Any], engine: str
) -> None:
    class Listener:
        def relabel(self, rollout: Rollout, sent: Tensor) -> tuple[Tensor, Tensor]:
            self.sent = sent[0].numpy()
            return rollout.rewards, torch.zeros(1)

    own = {"num_steps": 7, "engine": engine, "reward_model": "constant"} | values
    config = make_config(env_id, **own)  # no episode ends
    with state_of(config) as state:
        state.rows.learned = listener = Listener()
        relabel(state, collect(state))
        got = state.rows.envs.progress().actions  # one environment after the other
        sent = np.concatenate(listener.sent.swapaxes(0, 1))
        seen, expected = (
            action_inputs(torch.from_numpy(actions), state.rows.envs.spec.action) for actions in (sent, got)
        )
    torch.testing.assert_close(seen, expected, rtol=1e-6, atol=1e-6)


def test_learned_and_true_return_are_logged_side_by_side(engine: str, house: Path) -> None:
    with state_of(small(house, "constant", num_steps=100, engine=engine)) as state:
        relabel(state, collect(state))
        log_episodes(state)
        rows = state.rows.recorders[0].window.rows()
    assert rows
    assert all(row[-1] == row[2] == row[0] for row in rows)  # a constant pays the length, as CartPole does


def test_a_run_folder_says_what_was_learned_and_evaluates_by_the_true_reward(
    house: Path, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(house, runs)
    words = ["env_kwargs={max_episode_steps: 20}", "reward_model=mlp", "reference=near", "reference_coef=0.1"]
    run = start(config_of("CartPole-v1", *words, "num_steps=60"), runs)
    with run.metrics_path.open() as file:
        last = list(csv.DictReader(file))[-1]
    for name in ("learned_return", "rank_correlation", "disagreement", "kl_reference"):
        assert math.isfinite(float(last[f"rollout/{name}"])), name
    assert float(last["train/reference_coef"]) == pytest.approx(0.1)
    assert float(last["rollout/learned_return"]) != float(last["rollout/episode_return"])
    lines = run.monitor_path.read_text().splitlines()
    assert lines[1].split(",") == ["r", "l", "t", "shaped_return", "terminated", "learned_return"]
    summary = RunDir(run.path).read_summary()
    assert summary is not None and summary["eval"]["mean"] <= 20
    assert summary["reward_model"]["judged_by"] == "own"


# ---------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["reward_model=gone"], "no preference set 'gone'"),
        (["reward_model=mlp", "reward_shaping.mode=add"], "two rewards"),
        (["reference=gone", "reference_coef=0.1"], "gone does not exist"),
    ],
    ids=lambda item: item if isinstance(item, str) else "",
)
def test_what_cannot_be_is_refused_before_a_folder_is_made(
    words: list[str], text: str, house: Path, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(house, runs)
    before = sorted(path.name for path in runs.iterdir())
    given = [word for setting in words for word in ("--set", setting)]
    result = inside("train", "--env", "CartPole-v1", *given, cwd=tmp_path)
    assert result.code == 2 and text in " ".join(result.stderr.split())
    assert sorted(path.name for path in runs.iterdir()) == before


def test_a_model_of_another_environment_and_a_set_without_a_model_are_refused(
    house: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="judges CartPole-v1, not Pendulum-v1"):
        start(config_of("Pendulum-v1", f"reward_model={house / 'mlp'}"), tmp_path)
    make_set(tmp_path, "unfitted", "length=8", pairs=2)
    with pytest.raises(UsageError, match="unfitted has no reward model yet"):
        start(config_of("CartPole-v1", "reward_model=unfitted"), tmp_path)
