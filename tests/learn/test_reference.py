"""The policy that grpo is held to: that of another run, which may go away once training has begun."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.cli_runner import inside
from helpers.run_outcome import assert_same_outcome, outcome
from helpers.small_runs import config_of, play, resume, start
from helpers.training_helpers import make_config, population, train_members

from ppo_cli.config.schema import RunConfig
from ppo_cli.errors import CorruptFileError, UsageError
from ppo_cli.learn.build import open_population
from ppo_cli.learn.population_state import PopulationState
from ppo_cli.learn.reference import PoliciesOfRuns
from ppo_cli.learn.trainer import collect, make_batch, train
from ppo_cli.play.policy import load_policy
from ppo_cli.prepare.launch import prepare_in_folder, prepare_new, prepare_resume
from ppo_cli.runs.run_dir import RunDir

SHORT = ("algorithm=grpo", "group_size=2", "num_steps=40", "env_kwargs={max_episode_steps: 20}")
LIMIT = {"max_episode_steps": 20}


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs that others may be held to, by the names of their folders."""
    folder = tmp_path_factory.mktemp("references")
    kinds: dict[str, tuple[str, tuple[str, ...]]] = {
        "pole": ("CartPole-v1", ("normalize_obs=true", "learning_rate=0.03", "hidden_sizes=[5]")),
        "other-pole": ("CartPole-v1", ("learning_rate=0.03",)),
        "pendulum": ("Pendulum-v1", ()),
        "beta": ("Pendulum-v1", ("policy=beta",)),
        "squashed": ("Pendulum-v1", ("squash=true",)),
    }
    for name, (env, settings) in kinds.items():
        run = start(config_of(env, *settings, iterations=2), folder / "runs")
        run.path.rename(folder / name)
    return folder


def held_to(path: Path | str, *settings: str, env: str = "CartPole-v1", **values: Any) -> RunConfig:
    own = (*SHORT, "kl_coef=0.5", "learning_rate=0.01", f"reference={path}", *settings)
    return config_of(env, *own, **values)


def prepare(*configs: RunConfig, runs_dir: Path) -> None:
    prepare_new(configs, runs_dir=runs_dir, name=None, env_requested="", command="")


# ---------------------------------------------------------------------- what is refused


def nothing(path: Path) -> None:
    """Leaves the place empty."""


def a_folder(path: Path) -> None:
    path.mkdir()


def a_text(path: Path) -> None:
    path.write_text("not a policy")


def a_damaged_policy(path: Path) -> None:
    policy = path.parent / "references" / "pole" / "policy.safetensors"
    data = bytearray(policy.read_bytes())
    data[-9] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (nothing, UsageError, "does not exist"),
        (a_folder, UsageError, "has no policy.safetensors yet"),
        (a_text, CorruptFileError, "reference"),
        (a_damaged_policy, CorruptFileError, "reference"),
    ],
)
def test_a_reference_that_is_not_there_is_refused_before_a_run_is_made(
    make: Callable[[Path], None], error: type, text: str, references: Path, tmp_path: Path
) -> None:
    (tmp_path / "references").symlink_to(references)
    path = tmp_path / "reference"
    make(path)
    with pytest.raises(error) as refused:
        prepare(held_to(path), runs_dir=tmp_path / "runs")
    assert refused.value.message.startswith("learning.reference: ") and text in refused.value.message
    assert refused.value.key == "learning.reference"
    assert str(refused.value.file).startswith(str(path))
    assert "such as runs/NAME, or of a policy file, or initial" in str(refused.value.hint)
    with pytest.raises(error):
        prepare_in_folder({"one": held_to(path)}, tmp_path / "sweep", env_requested="", command="")
    assert not (tmp_path / "runs").exists() and not (tmp_path / "sweep").exists()


@pytest.mark.parametrize(
    ("name", "env", "settings", "text"),
    [
        ("pole", "Acrobot-v1", (), "environment is CartPole-v1, not Acrobot-v1"),
        ("pendulum", "CartPole-v1", (), "environment is Pendulum-v1, not CartPole-v1"),
        ("pendulum", "Pendulum-v1", ("policy=beta",), "policy is gaussian, not beta"),
        ("beta", "Pendulum-v1", (), "policy is beta, not gaussian"),
        ("squashed", "Pendulum-v1", (), "squash is true, not false"),
    ],
)
def test_a_reference_that_cannot_judge_the_run_is_refused_before_it_is_made(
    name: str, env: str, settings: tuple[str, ...], text: str, references: Path, tmp_path: Path
) -> None:
    config = held_to(references / name, *settings, env=env)
    with pytest.raises(UsageError, match=text) as refused:
        prepare(config, runs_dir=tmp_path / "runs")
    assert "same kind of policy" in (refused.value.hint or "")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"low": (-1.0,), "high": (1.0,)}, r"actions are 1 in \[-1, 1\], not 1 in \[-2, 2\]"),
        ({"obs_size": 4}, "observations are 4 numbers, not 3 numbers"),
    ],
)
def test_other_sizes_and_bounds_of_the_same_environment_are_told_in_words(
    changed: dict[str, Any], text: str, references: Path, tmp_path: Path
) -> None:
    policy = load_policy(references / "pendulum")
    spec = policy.shape.spec
    if "obs_size" in changed:
        spec = replace(spec, **changed)
    else:
        spec = replace(spec, action=replace(spec.action, **changed))
    shape = replace(policy.shape, spec=spec)
    net = shape.network()
    size = spec.obs_size
    other = type(policy)(shape, net.empty_member(), torch.zeros(size).double(), torch.ones(size).double())
    other.save(tmp_path / "other.safetensors")
    with pytest.raises(UsageError, match=text):
        prepare(held_to(tmp_path / "other.safetensors", env="Pendulum-v1"), runs_dir=tmp_path / "runs")


def test_a_sweep_tries_the_references_of_its_points_before_it_begins(
    references: Path, tmp_path: Path
) -> None:
    words = ["sweep", "--env", "CartPole-v1", "--set", "algorithm=grpo", "--runs-dir", str(tmp_path / "runs")]
    words += ["--param", f"reference=initial,{references / 'gone'}"]
    result = inside(*words, cwd=tmp_path)
    assert result.code == 2
    assert f"{references / 'gone'} does not exist" in result.stderr
    assert not list((tmp_path / "runs").glob("*"))


# ---------------------------------------------------------------------- what it is


def test_initial_is_the_policy_at_the_beginning_even_beside_a_folder_of_that_name(
    references: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(references / "pole", tmp_path / "initial")
    run = start(held_to("initial"), tmp_path / "runs", stop_at=1)
    assert not run.reference_path.exists()
    run = start(held_to("./initial"), tmp_path / "runs", stop_at=1)
    assert run.reference_path.read_bytes() == (references / "pole" / "policy.safetensors").read_bytes()


@pytest.mark.parametrize("normalize", [True, False])
def test_a_reference_judges_by_its_own_normalisation(normalize: bool, references: Path) -> None:
    config = make_config(
        "CartPole-v1", algorithm="grpo", num_envs=4, group_size=2, num_minibatches=1,
        env_kwargs=LIMIT, reference=str(references / "pole"), normalize_obs=normalize,
    )  # fmt: skip
    policy = load_policy(references / "pole")
    assert policy.shape.normalize_obs and policy.obs_var.max() != 1
    with open_population(population([config, config.model_copy(update={"seed": 2})])) as state:
        rollout = collect(state)
        batch = make_batch(state, rollout)
    assert batch.ref_log_probs is not None
    for row in range(2):
        obs = rollout.raw_obs[row, :-1].flatten(0, 1)
        scaled = (obs - policy.obs_mean) / (policy.obs_var + 1e-8).sqrt()
        clipped = scaled.clamp(-policy.shape.clip_obs, policy.shape.clip_obs).float()
        logits = policy.net.forward(policy.params, clipped[None])[0].head[0]
        expected = torch.distributions.Categorical(logits=logits).log_prob(rollout.actions[row].flatten())
        torch.testing.assert_close(batch.ref_log_probs[row], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["pole", "other-pole"])
def test_members_held_to_a_run_are_independent_and_one_may_diverge(name: str, references: Path) -> None:
    configs = [
        make_config(
            "CartPole-v1", seed=seed, algorithm="grpo", num_envs=4, num_steps=60, num_minibatches=2,
            group_size=2, env_kwargs=LIMIT, reference=str(references / name), normalize_obs=True,
            kl_coef=seed / 10, learning_rate=0.02,
        )
        for seed in (1, 2, 3)
    ]  # fmt: skip

    def poison_the_first(state: PopulationState) -> None:
        if state.learner.iteration == 2 and len(state.members) == 3:
            state.learner.agent.params[0, 3] = torch.nan

    alone = [train_members([config])[0] for config in configs]
    for one, expected in zip(train_members(configs), alone, strict=True):
        assert one.differences(expected) == []
    diverged, *others = train_members(configs, meddle=poison_the_first)
    assert diverged.status == "diverged"
    for one, expected in zip(others, alone[1:], strict=True):
        assert one.differences(expected) == []


def test_members_that_are_left_keep_their_own_references(references: Path) -> None:
    one, other = load_policy(references / "pole"), load_policy(references / "other-pole")
    kept = PoliciesOfRuns((one, one, other)).keep(torch.tensor([0, 2]))
    assert kept.policies == (one, other)


# ---------------------------------------------------------------------- resuming


@pytest.mark.parametrize("what_becomes", ["deleted", "changed", "untouched"])
def test_a_run_goes_on_to_the_bit_whatever_becomes_of_the_run_it_is_held_to(
    what_becomes: str, references: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(references / "pole", "pole")
    config = held_to("pole", "normalize_obs=true")  # relative to where the command is given
    expected = outcome(start(config, tmp_path / "undisturbed").path)
    run = start(config, tmp_path / "stopped", stop_at=2)
    if what_becomes != "untouched":
        shutil.rmtree("pole")
    if what_becomes == "changed":
        shutil.copytree(references / "other-pole", "pole")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert resume(run).members[0].status == "completed"
    assert_same_outcome(run.path, expected)
    assert "reference.safetensors" in expected["files"]


def test_runs_that_began_with_different_policies_at_one_path_go_on_together(
    references: Path, tmp_path: Path
) -> None:
    path, runs, expected = tmp_path / "reference", [], []
    for seed, name in enumerate(("pole", "other-pole", "pole"), 1):
        shutil.copytree(references / name, path, dirs_exist_ok=True)
        expected.append(outcome(start(held_to(path, seed=seed), tmp_path / "undisturbed").path))
        runs.append(start(held_to(path, seed=seed), tmp_path / "stopped", stop_at=2))
    (together,) = prepare_resume([str(run.path) for run in runs], runs_dir=tmp_path, total_timesteps=None)
    assert len(together.members) == 3
    play(train(together))
    for run, one in zip(runs, expected, strict=True):
        assert_same_outcome(run.path, one)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-9] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("harm", [flip, Path.unlink])
def test_a_run_without_its_copy_is_not_resumed(
    harm: Callable[[Path], None], references: Path, tmp_path: Path
) -> None:
    run = start(held_to(references / "pole"), tmp_path, stop_at=2)
    before = outcome(run.path)
    harm(run.reference_path)
    result = inside("train", "--resume", str(run.path), cwd=tmp_path)
    assert result.code == 5
    assert f"learning.reference: {run.reference_path}" in result.stderr.replace("\n", "")
    assert "bring it back" in result.stderr
    shutil.copy(references / "pole" / "policy.safetensors", run.reference_path)
    assert outcome(run.path) == before
    assert resume(run).members[0].status == "completed"


def test_a_sweep_goes_on_in_its_runs_without_the_original(references: Path, tmp_path: Path) -> None:
    shutil.copytree(references / "pole", tmp_path / "pole")
    configs = {f"s{seed}": held_to(tmp_path / "pole", seed=seed) for seed in (1, 2)}
    (ready,) = prepare_in_folder(configs, tmp_path / "sweep", env_requested="", command="")
    play(train(ready, until=2))
    shutil.rmtree(tmp_path / "pole")
    (ready,) = prepare_in_folder(configs, tmp_path / "sweep", env_requested="", command="")
    assert [member.status for member in play(train(ready)).members] == ["completed", "completed"]
    with pytest.raises(UsageError, match="does not exist"):
        more = configs | {"s3": held_to(tmp_path / "pole", seed=3)}
        prepare_in_folder(more, tmp_path / "sweep", env_requested="", command="")
    assert not RunDir(tmp_path / "sweep" / "s3").path.exists()


def test_show_says_what_the_copy_is(references: Path, tmp_path: Path) -> None:
    run = start(held_to(references / "pole"), tmp_path, stop_at=1)
    result = inside("show", str(run.path), cwd=tmp_path)
    assert "reference.safetensors" in result.stdout and "stays near" in result.stdout
