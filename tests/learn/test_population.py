"""The tests that define the trainer: members of a population do not notice each other, to the last bit."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.training_helpers import make_config, population, train_members

from ppo_cli.config.algorithms import ALGORITHMS, uses
from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.envs.member_envs import MemberEnvs
from ppo_cli.learn.population import Member, Population, plan
from ppo_cli.learn.population_state import PopulationState
from ppo_cli.learn.trainer import train
from ppo_cli.nn.compiled import CompiledActorCritic
from ppo_cli.prepare.launch import prepare_new

ENVS = ["CartPole-v1", "Pendulum-v1", "LunarLander-v3"]

# Every member differs from the others in every way in which it may.
PERSONAL = [
    {"seed": 11, "learning_rate": 3e-3, "gamma": 0.9, "target_kl": None},
    {"seed": 3, "learning_rate": 1e-2, "gae_lambda": 0.5, "target_kl": 0.001, "anneal_lr": False},
    {
        "seed": 7,
        "eps_clip": 0.05,
        "anneal_eps_clip": True,
        "ent_coef": 0.1,
        "clip_obs": 0.5,
        "max_grad_norm": 0.1,
    },
    {"seed": 5, "eps_clip_vf": 0.1, "normalize_advantages": False, "reward_scale": 0.1, "vf_coef": 0.1},
    {"seed": 2**32 - 1, "target_kl": 0.0001, "log_std_init": -1.0, "learning_rate": 0.02},
]


def members(env_id: str, count: int = 5, **common: object) -> list[RunConfig]:
    shared = {"normalize_obs": True, "num_evals": 2, "activation": "tanh", **common}
    if env_id == "LunarLander-v3":
        shared |= {"mode": "add"}
        return [
            make_config(env_id, **shared, **own, distance=10.0 * i, legs=1.0)
            for i, own in enumerate(PERSONAL[:count])
        ]
    return [make_config(env_id, **shared, **own) for own in PERSONAL[:count]]


@pytest.mark.parametrize("env_id", ENVS)
def test_a_member_of_a_population_ends_with_the_bits_it_has_alone(env_id: str, engine: str) -> None:
    configs = members(env_id, engine=engine)
    together = train_members(configs)
    epochs = [{row["train/epochs"] for row in one.metrics} for one in together]
    assert min(epochs[1]) < 4, (
        "target_kl of one member has to stop its updates for the test to mean something"
    )
    assert epochs[0] == {4.0}
    assert any(one.episodes for one in together) or env_id == "Pendulum-v1"
    for config, member in zip(configs, together, strict=True):
        (alone,) = train_members([config])
        assert member.differences(alone) == []


@pytest.mark.parametrize("env_id", ["Pendulum-v1", "LunarLanderContinuous-v3"])
@pytest.mark.parametrize("kind", [{"policy": "beta"}, {"squash": True}], ids=["beta", "squashed"])
def test_members_whose_actions_stay_inside_the_bounds_are_independent_too(
    kind: dict, env_id: str, engine: str
) -> None:
    own = PERSONAL[:4]  # the last has a noise of its own, which beta has not
    common = {"normalize_obs": True, "num_evals": 1, "hidden_sizes": (16,), "engine": engine}
    configs = [make_config(env_id, **common, **kind, **one) for one in own]
    together = train_members(configs, 3)
    for config, member in zip(configs, together, strict=True):
        assert member.status == "training"
        (alone,) = train_members([config], 3)
        assert member.differences(alone) == []


@pytest.mark.parametrize("env_id", ENVS)
def test_permuting_the_members_permutes_the_results(env_id: str, engine: str) -> None:
    configs = members(env_id, engine=engine)
    results = {one.seed: one for one in train_members(configs)}
    for order in ([4, 3, 2, 1, 0], [2, 0, 4]):
        for one in train_members([configs[i] for i in order]):
            assert one.differences(results[one.seed]) == []


@pytest.mark.parametrize(
    "shape",
    [
        {"num_envs": 1, "num_steps": 30, "hidden_sizes": (1,), "num_minibatches": 1},
        {"num_envs": 7, "num_steps": 11, "hidden_sizes": (5, 3), "num_minibatches": 7},
        {
            "num_envs": 8,
            "num_steps": 64,
            "hidden_sizes": (128, 128),
            "num_minibatches": 2,
            "activation": "relu",
        },
        {"num_envs": 2, "num_steps": 16, "hidden_sizes": (64, 64), "num_minibatches": 16},
    ],
    ids=lambda shape: f"{shape['num_envs']}x{shape['num_steps']}-{shape['hidden_sizes']}",
)
def test_members_are_independent_whatever_the_sizes(shape: dict, engine: str) -> None:
    configs = members("Pendulum-v1", 3, engine=engine, **shape)
    for config, member in zip(configs, train_members(configs, 2), strict=True):
        (alone,) = train_members([config], 2)
        assert member.differences(alone) == []


SHORT = {"env_kwargs": {"max_episode_steps": 20}, "num_envs": 4, "num_steps": 60, "num_minibatches": 2}
FAMILY: dict[str, tuple[dict[str, object], list[dict[str, object]]]] = {
    "ppo-kl": (
        {"algorithm": "ppo-kl", "num_epochs": 2},
        [
            {"kl_coef": 0.5, "kl_target": 1e-5},
            {"kl_coef": 2.0, "kl_target": None, "critic_learning_rate": 0.05},
            {"kl_target": 10.0, "learning_rate": 0.02},
        ],
    ),
    "reinforce": (
        {"algorithm": "reinforce"},
        [{"gamma": 0.9}, {"normalize_advantages": False, "learning_rate": 0.02}, {"vf_coef": 0.1}],
    ),
    "reinforce without a critic": (
        {"algorithm": "reinforce", "returns": "trajectory", "baseline": "none"},
        [{"gamma": 0.9}, {"normalize_advantages": False}, {"ent_coef": 0.1}],
    ),
    "grpo": (
        {"algorithm": "grpo", "group_size": 2, "num_epochs": 2},
        [
            {"kl_coef": 0.0, "clip_higher": 0.28},
            {"kl_coef": 0.5, "divide_by_std": False},
            {"kl_coef": 0.1, "dynamic_sampling": False, "target_kl": 1e-4},
        ],
    ),
    "grpo, a mean over episodes": (
        {"algorithm": "grpo", "group_size": 4, "loss_mean": "episodes", "hidden_sizes": (5,)},
        [{"gamma": 1.0}, {"gamma": 0.9}, {"anneal_eps_clip": True}],
    ),
}
FAMILY |= {
    name: ({"algorithm": name}, [{"gamma": 0.9}, {"learning_rate": 0.03}, {"ent_coef": 0.1}])
    for name in ALGORITHMS
    if not any(common["algorithm"] == name for common, _ in FAMILY.values())
}


def family(name: str, env_id: str, engine: str) -> list[RunConfig]:
    common, own = FAMILY[name]
    shared = {"normalize_obs": True, "num_evals": 2, **SHORT, "learning_rate": 0.01, **common}
    shared = {name: value for name, value in shared.items() if uses(str(common["algorithm"]), name)}
    shared["engine"] = engine
    return [make_config(env_id, **(shared | one), seed=7 * i + 1) for i, one in enumerate(own)]


@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1"])
@pytest.mark.parametrize("name", FAMILY)
def test_members_are_independent_whatever_the_algorithm(name: str, env_id: str, engine: str) -> None:
    configs = family(name, env_id, engine)
    together = train_members(configs)
    assert all(one.episodes for one in together)
    for config, member in zip(configs, together, strict=True):
        (alone,) = train_members([config])
        assert member.differences(alone) == []
    for one in train_members(configs[::-1]):
        (same,) = (other for other in together if other.seed == one.seed)
        assert one.differences(same) == []


@pytest.mark.parametrize("name", ["grpo", "ppo-kl"])
def test_members_without_a_critic_are_independent_whatever_the_number_of_threads(
    name: str, engine: str
) -> None:
    common, own = FAMILY[name]
    sizes = {**SHORT, "num_envs": 8, "num_steps": 80, "hidden_sizes": (128, 128), **common, "engine": engine}
    configs = [make_config("Pendulum-v1", **(sizes | one), seed=i + 1) for i, one in enumerate(own[:2])]
    check_threads(configs)


def test_sums_over_very_many_transitions_are_the_same_whatever_the_number_of_threads(engine: str) -> None:
    """A single sum of more than 32,768 numbers is shared among threads, if one lets it."""
    many = {"num_envs": 80, "num_steps": 512, "num_minibatches": 1, "num_epochs": 1, "hidden_sizes": (4,)}
    check_threads([make_config("Pendulum-v1", seed=seed, engine=engine, **many) for seed in (1, 2)])


def check_threads(configs: list[RunConfig]) -> None:
    """Together with one thread, together with two, and alone with two: the same bits."""
    with_one = train_members(configs, 1)
    with_two = [with_values(config, {"num_threads": 2}) for config in configs]
    for member, expected in zip(train_members(with_two, 1), with_one, strict=True):
        assert member.differences(expected) == []
    (alone,) = train_members(with_two[:1], 1)
    assert alone.differences(with_one[0]) == []


def test_members_are_independent_whatever_the_number_of_threads(engine: str) -> None:
    """Large enough that the threads share the work, at sizes where a product once had other bits."""
    sizes = {"num_envs": 7, "num_steps": 80, "hidden_sizes": (128, 128), "num_minibatches": 2}
    check_threads(members("Pendulum-v1", 2, engine=engine, **sizes))


def test_the_means_of_a_member_that_stopped_early_do_not_depend_on_how_long_the_others_go_on(
    engine: str,
) -> None:
    """Many minibatches: short sums have the same order in any shape."""
    limits = (None, 0.0001, 0.0005, 0.002)
    base = make_config("CartPole-v1", num_minibatches=15, num_epochs=16, anneal_lr=False, engine=engine)
    configs = [with_values(base, {"seed": i, "target_kl": limit}) for i, limit in enumerate(limits)]
    together = train_members(configs, 3)
    stops = {row["train/epochs"] * 15 for one in together for row in one.metrics}
    assert any(64 < stop < 240 for stop in stops), stops
    for config, member in zip(configs, together, strict=True):
        (alone,) = train_members([config], 3)
        assert member.differences(alone) == []


def test_equal_members_but_for_the_seed_differ_and_equal_seeds_repeat(engine: str) -> None:
    config = make_config("CartPole-v1", engine=engine)
    (first,), (again,) = train_members([config], 2), train_members([config], 2)
    (other,) = train_members([with_values(config, {"seed": 2})], 2)
    assert first.differences(again) == []
    assert first.differences(other)


# ---------------------------------------------------------------------- members that diverge


def poison_parameters(state: PopulationState, row: int) -> None:
    state.learner.agent.params[row, 5] = math.nan


def poison_moments(state: PopulationState, row: int) -> None:
    state.learner.agent.exp_avg[row, 0] = math.inf


def poison_observations(state: PopulationState, row: int) -> None:
    _change_step(state, "obs", row)


def poison_rewards(state: PopulationState, row: int) -> None:
    _change_step(state, "rewards", row)


def _change_step(state: PopulationState, name: str, row: int) -> None:
    """The third step of the next iteration gives environment 1 of a member something that is not finite."""
    if state.rows.envs.can_play and isinstance(state.agent.net, CompiledActorCritic):
        _change_play(state.rows.envs, name, row)
        return
    envs, step, calls = state.rows.envs, state.rows.envs.step, [0]

    def changed(*args: object, **kwargs: object) -> object:
        calls[0] += 1
        result = step(*args, **kwargs)
        if calls[0] != 3:
            return result
        values = getattr(result, name).copy()
        values[row, 1] = math.nan
        return dataclasses.replace(result, **{name: values})

    envs.step = changed  # type: ignore[method-assign]


def _change_play(envs: MemberEnvs, name: str, row: int) -> None:
    """The same where kernels take all steps of an iteration in one go."""
    play, before = envs.play, {"obs": "raw_obs"}.get(name, name)

    def changed(*args: object, **kwargs: object) -> object:
        envs.play = play  # type: ignore[method-assign]
        steps = play(*args, **kwargs)  # type: ignore[arg-type]
        getattr(steps, before)[row, 3 if name == "obs" else 2, 1] = math.nan
        return steps

    envs.play = changed  # type: ignore[method-assign]


POISONS: list[tuple[Callable[[PopulationState, int], None], str]] = [
    (poison_parameters, "policy_loss became nan in epoch 1, minibatch 1, in iteration 2"),
    (poison_moments, "became"),
    (poison_observations, "observation of environment 1 became non-finite at step 3, in iteration 2"),
    (poison_rewards, "reward of environment 1 became non-finite at step 3, in iteration 2"),
]


def lost_as(poison: Callable[[PopulationState, int], None]) -> str:
    """How a member ends: what its environment does wrong is no fault of its policy."""
    return "failed" if poison in (poison_observations, poison_rewards) else "diverged"


@pytest.mark.parametrize("row", [0, 1, 2])
@pytest.mark.parametrize(("poison", "reason"), POISONS, ids=lambda p: getattr(p, "__name__", ""))
def test_a_diverged_member_is_stopped_with_a_reason_and_disturbs_no_other(
    poison: Callable[[PopulationState, int], None], reason: str, row: int, engine: str
) -> None:
    configs = members("CartPole-v1", 3, engine=engine)
    undisturbed = train_members(configs)

    def meddle(state: PopulationState) -> None:
        if state.learner.iteration == 1:
            poison(state, row)

    results = train_members(configs, meddle=meddle)
    for index, (one, expected) in enumerate(zip(results, undisturbed, strict=True)):
        if index == row:
            assert one.status == lost_as(poison)
            assert one.reason is not None and reason in one.reason, one.reason
            assert len(one.metrics) == 1
        else:
            assert one.status == "training"
            assert one.differences(expected) == []


def poison_coefficient(state: PopulationState, row: int) -> None:
    for values in (state.rows.hyper.kl_coef, *state.learner.adapted.values()):
        values[row] = math.nan


@pytest.mark.parametrize("row", [0, 2])
@pytest.mark.parametrize(
    ("name", "poison"),
    [
        *((name, poison_parameters) for name in FAMILY),
        *((name, poison_rewards) for name in FAMILY),
        *(
            (name, poison_coefficient)
            for name in FAMILY
            if uses(str(FAMILY[name][0]["algorithm"]), "kl_coef")
        ),
    ],
)
def test_a_diverged_member_disturbs_no_other_whatever_the_algorithm(
    name: str, poison: Callable[[PopulationState, int], None], row: int, engine: str
) -> None:
    configs = family(name, "Pendulum-v1", engine)
    undisturbed = train_members(configs, 3)

    def meddle(state: PopulationState) -> None:
        if state.learner.iteration == 1:
            poison(state, row)

    results = train_members(configs, 3, meddle)
    for index, (one, expected) in enumerate(zip(results, undisturbed, strict=True)):
        if index == row:
            assert one.status == lost_as(poison) and "in iteration 2" in str(one.reason)
            assert len(one.metrics) == 1
        else:
            assert one.status == "training"
            assert one.differences(expected) == []


def test_members_may_diverge_together_or_one_after_the_other(engine: str) -> None:
    configs = members("CartPole-v1", 4, engine=engine)
    undisturbed = train_members(configs)

    def meddle(state: PopulationState) -> None:
        if state.learner.iteration == 1:
            poison_parameters(state, 0)
            poison_parameters(state, 2)
        if state.learner.iteration == 2:
            poison_parameters(state, 0)  # of those that are left: the second

    results = train_members(configs, meddle=meddle)
    assert [one.status for one in results] == ["diverged", "diverged", "diverged", "training"]
    assert ["iteration 2" in str(one.reason) for one in results] == [True, False, True, False]
    assert results[3].differences(undisturbed[3]) == []


def test_a_lone_member_that_diverges_ends_the_training_and_says_so(
    monkeypatch: pytest.MonkeyPatch, runs_dir: Path, engine: str
) -> None:
    poison_from(monkeypatch, iteration=1, seed=3)
    (ready,) = new_runs(members("CartPole-v1", 2, engine=engine)[1:], runs_dir)
    *_, last = train(ready)
    assert [member.status for member in last.members] == ["diverged"]
    run = last.members[0].run_dir
    assert run is not None
    summary = run.read_summary()
    assert summary is not None
    assert summary["status"] == "diverged"
    assert "policy_loss became nan in epoch 1, minibatch 1, in iteration 2" in summary["reason"]
    assert summary["eval"] is None


def test_on_disk_the_survivors_of_a_population_leave_the_files_of_runs_trained_alone(
    monkeypatch: pytest.MonkeyPatch, runs_dir: Path, engine: str
) -> None:
    configs = members("CartPole-v1", 3, engine=engine)
    (ready,) = new_runs(configs, runs_dir / "together")
    with monkeypatch.context() as patch:
        poison_from(patch, iteration=1, seed=3)
        *_, last = train(ready)
    assert [member.status for member in last.members] == ["completed", "diverged", "completed"]
    for index in (0, 2):
        (alone,) = new_runs([configs[index]], runs_dir / "alone")
        *_, _ = train(alone)
        ours, theirs = ready.members[index].run_dir, alone.members[0].run_dir
        assert ours is not None and theirs is not None
        assert ours.policy_path.read_bytes() == theirs.policy_path.read_bytes()
        assert ours.best_policy_path.read_bytes() == theirs.best_policy_path.read_bytes()
        assert ours.eval_path.read_bytes() == theirs.eval_path.read_bytes()
        for path in ("metrics_path", "monitor_path"):
            assert without_times(getattr(ours, path)) == without_times(getattr(theirs, path))
        ours_says, theirs_says = ours.read_summary(), theirs.read_summary()
        assert ours_says is not None and theirs_says is not None
        assert ours_says["eval"] == theirs_says["eval"] is not None


def poison_from(monkeypatch: pytest.MonkeyPatch, iteration: int, seed: int) -> None:
    """The parameters of the member with ``seed`` become NaN before the update of ``iteration`` (from 0)."""
    from ppo_cli.learn import trainer

    learn = trainer.learn

    def poisoned(state: PopulationState, rollout: object) -> object:
        if state.learner.iteration == iteration and seed in state.seeds:
            poison_parameters(state, state.seeds.index(seed))
        return learn(state, rollout)  # type: ignore[arg-type]

    monkeypatch.setattr(trainer, "learn", poisoned)


def new_runs(configs: list[RunConfig], runs_dir: Path) -> list[Population]:
    configs = [with_values(config, {"final_eval_episodes": 3}) for config in configs]
    return prepare_new(configs, runs_dir=runs_dir, name=None, env_requested="CartPole-v1", command="test")


def without_times(path: Path) -> list[dict[str, str]]:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    names = lines[0].split(",")
    rows = [dict(zip(names, line.split(","), strict=True)) for line in lines[1:]]
    assert rows
    return [{n: v for n, v in row.items() if n != "t" and not n.startswith("time/")} for row in rows]


# ---------------------------------------------------------------------- who may train together


def test_members_that_cannot_share_a_program_are_grouped_apart() -> None:
    base = make_config("CartPole-v1")
    configs = [
        base,
        with_values(base, {"hidden_sizes": (8,)}),
        with_values(base, {"seed": 2, "learning_rate": 0.1, "gamma": 0.5, "target_kl": 0.1}),
        with_values(base, {"num_steps": 50}),
        with_values(base, {"hidden_sizes": (8,), "seed": 2}),
    ]
    groups = plan([Member(config) for config in configs])
    assert [[configs.index(m.config) for m in group.members] for group in groups] == [[0, 2], [1, 4], [3]]
    with pytest.raises(ValueError, match="one static half"):
        population(configs[:2])
