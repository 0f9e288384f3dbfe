"""The training loop: schedules, early stops, what is written, how it ends."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.training_helpers import make_config, play, population, train_members

from ppo_cli import load_policy
from ppo_cli.config.resolve import load_config, with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.learn import trainer
from ppo_cli.learn.batch import Batch, agent_minibatches, explained_variance
from ppo_cli.learn.build import open_population
from ppo_cli.learn.compiled_update import improve
from ppo_cli.learn.minibatches import permutations, unbind
from ppo_cli.learn.population_state import PopulationState
from ppo_cli.learn.trainer import collect, make_batch, relabel, train_iteration
from ppo_cli.metrics import columns
from ppo_cli.play.evaluate import evaluate_run, play_episodes
from ppo_cli.prepare.launch import prepare_new
from ppo_cli.rng import Stream
from ppo_cli.runs.checkpoints import load_latest_checkpoint
from ppo_cli.runs.eval_stats import EvalStats
from ppo_cli.runs.run_dir import RunDir


def run_to_disk(runs_dir: Path, config: RunConfig, stop_after: int | None = None) -> tuple[RunDir, list[Any]]:
    (ready,) = prepare_new(
        [config], runs_dir=runs_dir, name=None, env_requested=config.env_id, command="ppo train"
    )
    reports = play(ready, stop_after)
    run = ready.members[0].run_dir
    assert run is not None
    return run, reports


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open() as lines:
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))


# ---------------------------------------------------------------------- schedules


def test_learning_rate_and_clip_range_fall_in_a_line_to_zero_for_those_that_want_it() -> None:
    annealed = make_config("CartPole-v1", 4, learning_rate=0.01, anneal_eps_clip=True, eps_clip=0.4)
    constant = with_values(annealed, {"seed": 2, "anneal_lr": False, "anneal_eps_clip": False})
    falling, fixed = train_members([annealed, constant], 4)
    assert [row["train/learning_rate"] for row in falling.metrics] == pytest.approx(
        [0.01, 0.0075, 0.005, 0.0025]
    )
    assert [row["train/eps_clip"] for row in falling.metrics] == pytest.approx([0.4, 0.3, 0.2, 0.1])
    assert [row["train/learning_rate"] for row in fixed.metrics] == [0.01] * 4
    assert [row["train/eps_clip"] for row in fixed.metrics] == pytest.approx([0.4] * 4)


@pytest.mark.parametrize(
    ("num_evals", "iterations", "expected"),
    [
        (0, 6, []),
        (1, 6, [6]),
        (3, 6, [2, 4, 6]),
        (6, 6, [1, 2, 3, 4, 5, 6]),
        (4, 6, [2, 3, 5, 6]),
        (9, 2, [1, 2]),
    ],
)
def test_evaluations_are_evenly_spaced_and_the_last_is_at_the_end(
    num_evals: int, iterations: int, expected: list[int]
) -> None:
    config = make_config("CartPole-v1", iterations, num_evals=num_evals)
    with open_population(population([config])) as state:
        due = []
        for iteration in range(1, iterations + 1):
            state.learner.iteration = iteration
            due += [iteration] * trainer.evaluation_due(state)
    assert due == expected


def test_training_goes_on_until_the_steps_are_at_least_those_asked_for() -> None:
    config = make_config("CartPole-v1", total_timesteps=151)  # two iterations of 75 are not enough
    reports = play(population([config]))
    assert [report.iteration for report in reports] == [1, 2, 3]
    assert reports[-1].global_step == 225
    assert {report.num_iterations for report in reports} == {3}


# ---------------------------------------------------------------------- the update


def test_target_kl_stops_the_updates_of_an_iteration_but_not_the_training() -> None:
    free = make_config("CartPole-v1", 3, learning_rate=0.02, anneal_lr=False, num_epochs=8)
    strict = with_values(free, {"target_kl": 0.001})
    (stopped,), (unstopped,) = train_members([strict], 3), train_members([free], 3)
    assert [row["train/epochs"] for row in unstopped.metrics] == [8.0] * 3
    assert all(1 / 3 < row["train/epochs"] < 8 for row in stopped.metrics)
    assert all(
        row["train/approx_kl"] < u["train/approx_kl"]
        for row, u in zip(stopped.metrics, unstopped.metrics, strict=True)
    )
    assert stopped.tensors["adam_step"] < unstopped.tensors["adam_step"] == 72


def test_a_step_that_went_too_far_is_the_last_of_its_iteration() -> None:
    """The minibatch that shows the distance is looked at, but not learned from."""
    config = make_config("CartPole-v1", 1, learning_rate=0.5, target_kl=1e-9, max_grad_norm=1e6)
    (result,) = train_members([config], 1)
    assert result.tensors["adam_step"] == 1
    assert result.metrics[0]["train/epochs"] == pytest.approx(2 / 3)


def test_fillers_change_nothing_of_what_is_learned(engine: str) -> None:
    """A rollout whose fillers hold other rewards, actions and values gives the same parameters."""
    config = make_config("CartPole-v1", 2, num_steps=50, learning_rate=0.01, engine=engine)

    def learned(spoil: bool) -> torch.Tensor:
        with open_population(population([config])) as state:
            rollout = collect(state)
            fillers = ~rollout.mask
            assert fillers.any()
            batch = make_batch(state, rollout)
            if spoil:
                flat = fillers.flatten(1, 2)
                for tensor in (batch.advantages, batch.returns, batch.values):
                    tensor[flat] = 1e6
                batch.actions[flat] = 1 - batch.actions[flat]
            learning = state.config.learning
            improve(
                state.agent, state.learner.agent, batch, state.rows.hyper,
                state.seeds, 0, learning.num_epochs, learning.num_minibatches,
            )  # fmt: skip
            return state.learner.agent.params.clone()

    assert torch.equal(learned(spoil=False), learned(spoil=True))


def test_every_epoch_sees_every_transition_once_in_an_order_of_its_own() -> None:
    order = permutations([1, 2], iteration=0, num_epochs=3, batch_size=12)
    assert order.shape == (2, 3, 12)
    assert (order.sort(-1).values == torch.arange(12)).all()
    assert len({tuple(epoch.tolist()) for member in order for epoch in member}) == 6
    assert not torch.equal(order, permutations([1, 2], 1, 3, 12))
    own = torch.arange(24.0).view(2, 12)
    batch = Batch(own[..., None], own, own, own, own, own, torch.ones(2, 12))
    cut = agent_minibatches(batch, order[:, 0], 3, normalize=torch.tensor([False, True]))
    minibatches = unbind(cut)
    seen = torch.cat([part.values for part in minibatches], dim=1)
    assert torch.equal(seen, own.gather(1, order[:, 0]))
    assert all(torch.equal(part.obs[..., 0], part.values) for part in minibatches)
    for part in minibatches:
        assert torch.equal(part.advantages[0], part.values[0])
        assert part.advantages[1].mean().item() == pytest.approx(0.0, abs=1e-6)
        torch.testing.assert_close(part.weights.sum(-1), torch.ones(2))


def test_the_first_minibatch_of_an_update_has_ratio_one() -> None:
    """What was noted at collection is what learning computes: nothing has moved, nothing is clipped."""
    for env_id in ("CartPole-v1", "Pendulum-v1"):
        config = make_config(env_id, 1, num_epochs=1, num_minibatches=1, normalize_obs=True)
        (result,) = train_members([config], 1)
        assert result.metrics[0]["train/approx_kl"] == pytest.approx(0.0, abs=1e-6)
        assert result.metrics[0]["train/clip_fraction"] == 0.0


def test_explained_variance_is_one_for_a_perfect_value_and_zero_for_a_constant() -> None:
    returns = torch.tensor([[1.0, 2.0, 3.0, 99.0]] * 3)
    values = torch.tensor([[1.0, 2.0, 3.0, 0.0], [2.0, 2.0, 2.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    weights = torch.tensor([[1.0, 1.0, 1.0, 0.0]] * 3)
    returns[2] = 5.0
    batch = Batch(returns, returns, returns, values, returns, returns, weights)
    one, zero, undefined = explained_variance(batch).tolist()
    assert (one, zero) == (1.0, 0.0)
    assert math.isnan(undefined)


def test_observation_statistics_leave_out_nothing_and_count_every_observation_once() -> None:
    config = make_config("Pendulum-v1", 3, normalize_obs=True)
    seen = []
    with open_population(population([config])) as state:
        for _ in range(2):
            rollout = trainer.collect(state)
            seen.append(rollout.raw_obs[:, :-1].flatten(1, 2)[0].double())
            trainer.learn(state, relabel(state, rollout)[0])
            trainer.update_statistics(state, rollout)
            state.learner.iteration += 1
        everything = torch.cat(seen)
        assert state.learner.statistics.count.tolist() == [len(everything)]
        torch.testing.assert_close(state.learner.statistics.mean[0], everything.mean(0))
        torch.testing.assert_close(state.learner.statistics.var[0], everything.var(0, correction=0))
        assert not torch.equal(rollout.obs, rollout.raw_obs)


def test_learning_with_two_threads_gives_the_same_bits_as_with_one(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = []

    def noting(*args: Any) -> Any:
        used.append(torch.get_num_threads())
        return improve(*args)

    monkeypatch.setattr(trainer, "improve", noting)
    sizes = {"num_envs": 6, "num_steps": 64, "hidden_sizes": (128, 128), "final_eval_episodes": 5}
    results = []
    for threads in (1, 2):
        config = make_config("CartPole-v1", 2, num_threads=threads, engine=engine, **sizes)
        member = play(population([config]))[-1].members[0]
        metrics = {n: repr(v) for n, v in member.metrics.items() if not n.startswith("time/")}
        results.append((metrics, member.last_eval))
    assert used == [1, 1, 2, 2]
    assert results[0] == results[1]


# ---------------------------------------------------------------------- reports


def test_a_report_comes_after_each_iteration_and_the_last_one_says_how_it_ended() -> None:
    configs = [
        make_config("CartPole-v1", 4, num_evals=2, final_eval_episodes=3, seed=seed) for seed in (1, 2)
    ]
    reports = play(population(configs))
    assert [report.iteration for report in reports] == [1, 2, 3, 4]
    assert [[member.status for member in report.members] for report in reports] == [
        *[["training"] * 2] * 3,
        ["completed"] * 2,
    ]
    last = reports[-1]
    assert last.global_step == last.total_timesteps == 300
    for member in last.members:
        assert member.last_eval is not None and member.last_eval.episodes == 3
        assert member.best_return is not None
        assert member.metrics["iteration"] == 4
    assert [member.last_eval is None for member in reports[0].members] == [True, True]
    assert {"environment", "policy", "update", "evaluation", "checkpoint"} >= set(last.timings)
    assert all(seconds >= 0 for seconds in last.timings.values())
    assert last.steps_per_second > 0


def test_without_a_final_evaluation_training_completes_all_the_same() -> None:
    *_, last = play(population([make_config("CartPole-v1", 2, final_eval_episodes=0)]))
    assert last.members[0].status == "completed"


def test_members_with_equal_seeds_but_other_settings_are_reported_apart() -> None:
    config = make_config("CartPole-v1", 1)
    other = with_values(config, {"learning_rate": 0.1})
    *_, last = play(population([config, other]))
    assert [member.metrics["train/learning_rate"] for member in last.members] == pytest.approx([2.5e-4, 0.1])


def test_a_stopped_training_ends_interrupted_after_the_iteration_it_is_in() -> None:
    reports = play(population([make_config("CartPole-v1", 4)]), stop_after=2)
    assert [report.iteration for report in reports] == [1, 2]
    assert reports[-1].members[0].status == "interrupted"


def test_a_stop_during_the_final_evaluation_is_obeyed(engine: str) -> None:
    config = make_config("Pendulum-v1", 2, final_eval_episodes=5, engine=engine)  # of 200 steps
    *_, last = play(population([config]), stop_after=4)
    assert last.iteration == 2
    assert last.members[0].status == "interrupted"


# ---------------------------------------------------------------------- files


def test_a_run_folder_holds_what_was_promised(runs_dir: Path) -> None:
    config = make_config("CartPole-v1", 4, num_evals=2, final_eval_episodes=3)
    run, reports = run_to_disk(runs_dir, config)
    assert load_config(run.config_path) == config
    metrics = rows_of(run.metrics_path)
    assert tuple(metrics[0]) == columns(config, ())
    assert [row["global_step"] for row in metrics] == ["75", "150", "225", "300"]
    assert [bool(row["eval/episode_return"]) for row in metrics] == [False, True, False, True]
    assert {row["train/std"] for row in metrics} == {""}
    evals = rows_of(run.eval_path)
    assert [row["global_step"] for row in evals] == ["150", "300"]
    assert [row["episodes"] for row in evals] == ["2", "2"]
    assert [row["mean"] for row in evals] == [
        metrics[1]["eval/episode_return"],
        metrics[3]["eval/episode_return"],
    ]
    episodes = rows_of(run.monitor_path)
    assert list(episodes[0])[:3] == ["r", "l", "t"]
    assert len(episodes) == int(metrics[-1]["rollout/episodes"]) > 0
    assert all(float(row["r"]) == float(row["l"]) for row in episodes), "CartPole pays 1 per step"
    assert float(metrics[-1]["rollout/episode_return"]) == pytest.approx(
        np.mean([float(r["r"]) for r in episodes])
    )
    summary = json.loads(run.summary_path.read_text())
    assert summary["status"] == "completed"
    assert summary["global_step"] == 300
    final = reports[-1].members[0].last_eval
    assert summary["eval"]["mean"] == final.mean
    assert summary["best_eval_during_training"] == max(float(row["mean"]) for row in evals)
    assert summary["command"] == "ppo train"


def test_the_last_checkpoint_holds_the_last_policy_and_its_statistics(runs_dir: Path) -> None:
    run, _ = run_to_disk(runs_dir, make_config("Pendulum-v1", 3, normalize_obs=True))
    checkpoint = load_latest_checkpoint(run, pytest.fail)
    assert checkpoint is not None and checkpoint.iteration == 3
    policy = load_policy(run.path)
    assert np.array_equal(policy.params[0].numpy(), checkpoint.tensors["params"])
    assert np.array_equal(policy.obs_mean.numpy(), checkpoint.tensors["obs_mean"])
    assert checkpoint.tensors["obs_count"] == 225
    sizes = checkpoint.meta["log_sizes"]
    assert sizes["metrics"] == run.metrics_path.stat().st_size
    assert sizes["monitor"] == run.monitor_path.stat().st_size


def test_an_interrupted_run_leaves_a_checkpoint_and_a_policy(runs_dir: Path) -> None:
    run, reports = run_to_disk(runs_dir, make_config("CartPole-v1", 5), stop_after=3)
    assert reports[-1].members[0].status == "interrupted"
    checkpoint = load_latest_checkpoint(run, pytest.fail)
    assert checkpoint is not None and checkpoint.iteration == 3
    assert json.loads(run.summary_path.read_text())["status"] == "interrupted"
    assert len(rows_of(run.metrics_path)) == 3
    load_policy(run.path)


def test_the_best_policy_is_the_one_with_the_best_evaluation(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    means = iter([10.0, 30.0, 20.0])
    saved: list[torch.Tensor] = []

    def play(state: PopulationState, *_: object) -> list[EvalStats]:
        saved.append(state.learner.agent.params[0].clone())
        return [EvalStats((next(means),), (1,))]

    monkeypatch.setattr(trainer, "_play", play)
    run, reports = run_to_disk(runs_dir, make_config("CartPole-v1", 3, num_evals=3))
    assert torch.equal(load_policy(run.path, best=True).params[0], saved[1])
    assert torch.equal(load_policy(run.path).params[0], saved[2])
    assert reports[-1].members[0].best_return == 30.0


def test_evaluating_a_run_repeats_and_does_not_depend_on_the_seed_of_training(runs_dir: Path) -> None:
    run, _ = run_to_disk(runs_dir, make_config("CartPole-v1", 2))
    first, again, other = (evaluate_run(run, episodes=10, seed=seed) for seed in (5, 5, 6))
    assert first == again
    assert first.returns != other.returns
    sampled = [evaluate_run(run, episodes=10, seed=5, deterministic=False) for _ in range(2)]
    assert sampled[0] == sampled[1]
    assert sampled[0].returns != first.returns


def test_shaping_is_what_is_learned_from_but_not_what_is_reported(runs_dir: Path) -> None:
    config = make_config("CartPole-v1", 2, mode="add", position=1e3, num_evals=2, final_eval_episodes=3)
    run, _ = run_to_disk(runs_dir, config)
    episodes = rows_of(run.monitor_path)
    assert all(float(row["r"]) == float(row["l"]) for row in episodes)
    assert all(float(row["shaped_return"]) < float(row["r"]) for row in episodes)
    assert all(float(row["min"]) > 0 for row in rows_of(run.eval_path)), (
        "evaluation is by CartPole's own reward"
    )
    last = rows_of(run.metrics_path)[-1]
    assert float(last["rollout/shaped_return"]) < 0 < float(last["rollout/episode_return"])
    assert float(last["reward/position"]) < 0


def test_reward_scale_changes_what_is_learned_but_not_what_is_reported() -> None:
    config = make_config("CartPole-v1", 1, reward_scale=100.0, vf_coef=0.0)
    (scaled,), (plain,) = (
        train_members([config], 1),
        train_members([with_values(config, {"reward_scale": 1.0})], 1),
    )
    assert scaled.episodes == plain.episodes
    assert scaled.metrics[0]["train/value_loss"] > 100 * plain.metrics[0]["train/value_loss"]


@pytest.mark.parametrize("env_id", ["CartPole-v1", "LunarLander-v3"])
def test_evaluations_during_training_do_not_touch_training(env_id: str, engine: str) -> None:
    config = make_config(env_id, 3, engine=engine)
    often = with_values(config, {"num_evals": 3, "eval_episodes": 3})
    (without,), (with_evals,) = train_members([config], 3), train_members([often], 3)
    assert len(with_evals.evals) == 3
    for result in (without, with_evals):
        for row in result.metrics:
            row.pop("eval/episode_return", None)
    with_evals.evals = []
    assert without.differences(with_evals) == []


def test_the_evaluation_of_a_policy_does_not_depend_on_the_others() -> None:
    configs = [make_config("CartPole-v1", 1, seed=seed) for seed in (1, 2, 3)]
    with open_population(population(configs)) as state:
        train_iteration(state)

        def evaluated(rows: list[int], deterministic: bool) -> list[Any]:
            result = play_episodes(
                state.agent.net, state.agent.distribution, state.learner.agent.params[rows],
                state.normalizer(),
                env_kwargs={}, seeds=[state.seeds[row] for row in rows], stream=Stream.EVAL, round_index=0,
                episodes=4, deterministic=deterministic,
            )  # fmt: skip
            assert result is not None
            return result

        for deterministic in (True, False):
            together = evaluated([0, 1, 2], deterministic)
            assert [evaluated([row], deterministic)[0] for row in range(3)] == together
