"""What is known to be learnable is learned, and each probe notices the fault that it is for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from helpers import probe_envs as probes
from helpers.training_helpers import make_config, play, population

from ppo_cli.config.algorithms import ALGORITHMS, uses
from ppo_cli.config.resolve import resolve_config, with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.learn import advantages, losses, trainer
from ppo_cli.learn.build import open_population
from ppo_cli.learn.population_state import PopulationState
from ppo_cli.nn.beta import Beta
from ppo_cli.nn.bounds import Bounds
from ppo_cli.nn.gaussian import DiagonalGaussian
from ppo_cli.nn.normalize import ObsNormalizer
from ppo_cli.play.policy import Policy

GAMMA = 0.9


class Learned:
    """A trained member, asked for values and actions."""

    def __init__(self, config: RunConfig) -> None:
        with open_population(population([config])) as live:
            before = live.learner.agent.params.clone()
            for _ in range(live.num_iterations):
                trainer.train_iteration(live)
            assert live.members, "diverged"
            self.policy: Policy = live.policy(0)
            self.moved = not torch.equal(before, live.learner.agent.params)

    def values_are(self, expected: dict[float, float], **tolerance: float) -> bool:
        """Whether the critic says so. Without one: whether the policy stayed as it was, as it had to.

        Where actions change nothing, episodes from one start state all pay the same.
        """
        if not self.policy.net.critic:
            return not self.moved
        obs = self.policy.normalizer(torch.tensor(list(expected))[None, :, None])
        with torch.no_grad():
            found = self.policy.net.forward(self.policy.params, obs)[1][0].tolist()
        return found == pytest.approx(list(expected.values()), **tolerance)

    def actions(self, observations: Any) -> Any:
        obs = np.asarray(observations, dtype=np.float32)
        return self.policy.predict(obs if obs.ndim == 2 else obs[:, None], deterministic=True)[0]

    def probabilities(self, observation: float) -> list[float]:
        obs = self.policy.normalizer(torch.tensor([[[observation]]]))
        return self.policy.net.act(self.policy.params, obs).head.softmax(-1)[0, 0].tolist()


OWN: dict[str, dict[str, Any]] = {
    "ppo-kl": {"kl_target": 0.1},
    "grpo": {"kl_coef": 0.0},
}


def patience(config: RunConfig) -> int:
    """Iterations relative to PPO-clip's: an algorithm may take fewer steps in each, or judge coarsely."""
    steps = config.facts.num_passes(config.learning) * config.facts.num_minibatches(config.learning)
    return max(-(-6 // steps), 2 if config.facts.envs_per_start(config.learning) > 1 else 1)


def learn(algorithm: str, probe: type[probes.Probe], iterations: int = 60, **values: Any) -> Learned:
    settings: dict[str, Any] = {
        "num_envs": 8,
        "num_steps": 16,
        "num_minibatches": 2,
        "hidden_sizes": (16,),
        "activation": "tanh",
        "learning_rate": 0.01,
        "gamma": GAMMA,
        "max_grad_norm": 10.0,
    }
    settings = {name: value for name, value in {**settings, **values}.items() if uses(algorithm, name)}
    if settings.get("policy") == "beta":
        del settings["log_std_init"]
    settings |= {"algorithm": algorithm, **OWN.get(algorithm, {})}
    env_id = probes.probe_id(probe)
    return Learned(make_config(env_id, iterations * patience(make_config(env_id, **settings)), **settings))


# ---------------------------------------------------------------------- what each probe asks


def constant_value(algorithm: str) -> bool:
    return learn(algorithm, probes.ConstantValue, 30).values_are({0.0: 1.0}, abs=0.05)


def observation_dependent_value(algorithm: str) -> bool:
    return learn(algorithm, probes.ObservationDependentValue).values_are({-1.0: -1.0, 1.0: 1.0}, abs=0.1)


def discounted_delayed_reward(algorithm: str) -> bool:
    return learn(algorithm, probes.DiscountedDelayedReward).values_are({0.0: GAMMA, 1.0: 1.0}, abs=0.03)


def reward_comes_before_the_end(algorithm: str) -> bool:
    return learn(algorithm, probes.RewardComesBeforeTheEnd).values_are({0.0: 1.0, 1.0: 0.0}, abs=0.08)


def action_chooses_reward(algorithm: str) -> bool:
    return learn(algorithm, probes.ActionChoosesReward, 30).probabilities(0.0)[1] > 0.9


def observation_action_match(algorithm: str) -> bool:
    learned = learn(algorithm, probes.ObservationActionMatch, 40)
    return learned.probabilities(-1.0)[0] > 0.9 and learned.probabilities(1.0)[1] > 0.9


def choice_bears_fruit_later(algorithm: str) -> bool:
    learned = learn(algorithm, probes.ChoiceBearsFruitLater, 50, gae_lambda=0.95)
    return learned.probabilities(-1.0)[1] > 0.9


def truncation_is_not_termination(algorithm: str) -> bool:
    learned = learn(algorithm, probes.TruncationIsNotTermination, 60, gamma=0.8, gae_lambda=0.9)
    return learned.values_are({0.0: 1 / (1 - 0.8)}, rel=0.08)


def termination_has_no_future(algorithm: str) -> bool:
    learned = learn(algorithm, probes.TerminationHasNoFuture, 80, gamma=0.5, gae_lambda=0.9)
    return learned.values_are({-1.0: 0.0, 1.0: 2.0}, abs=0.12)


def filler_does_not_leak(algorithm: str) -> bool:
    return learn(algorithm, probes.FillerDoesNotLeak, 30, gamma=0.1).values_are({0.0: 1.0}, abs=0.05)


def continuous_target(algorithm: str, iterations: int = 50, **kind: Any) -> bool:
    learned = learn(algorithm, probes.ContinuousTarget, iterations, log_std_init=-0.5, num_steps=32, **kind)
    return bool(np.abs(learned.actions([-1.0, 1.0]) - [[-0.3, -0.4], [0.7, -0.4]]).max() < 0.15)


def continuous_target_by_beta(algorithm: str) -> bool:
    return continuous_target(algorithm, 80, policy="beta")


def continuous_target_by_a_squashed_gaussian(algorithm: str) -> bool:
    return continuous_target(algorithm, squash=True)


def scaled_observations(algorithm: str) -> bool:
    learned = learn(algorithm, probes.ScaledObservations, 40, normalize_obs=True)
    rng, correct = np.random.default_rng(0), []
    for right in (-1.0, 1.0):
        noise = np.stack([rng.normal(size=50), np.full(50, right)], axis=1)
        correct.append((learned.actions(probes.OFFSET + probes.SCALE * noise) == (right > 0)).mean())
    return min(correct) > 0.95


CHECKS = {
    check.__name__: check
    for check in (
        constant_value,
        observation_dependent_value,
        discounted_delayed_reward,
        reward_comes_before_the_end,
        action_chooses_reward,
        observation_action_match,
        choice_bears_fruit_later,
        truncation_is_not_termination,
        termination_has_no_future,
        filler_does_not_leak,
        continuous_target,
        continuous_target_by_beta,
        continuous_target_by_a_squashed_gaussian,
        scaled_observations,
    )
}


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
@pytest.mark.parametrize("name", list(CHECKS))
def test_what_is_learned_is_what_is_known(name: str, algorithm: str) -> None:
    assert CHECKS[name](algorithm)


# ---------------------------------------------------------------------- the faults that they find

Patch = pytest.MonkeyPatch
gae, surrogate_grad = advantages.gae, losses.clipped_surrogate_grad


def no_value_loss(patch: Patch) -> None:
    patch.setattr(losses, "value_loss_grad", lambda new, *_: 0.0 * new)


def observations_of_another_step(patch: Patch) -> None:
    change_batch(patch, "obs", lambda obs: obs.roll(1, 1))


def wrong_discount(patch: Patch) -> None:
    change_gae(patch, lambda r, v, end, cut, gamma, lam: (r, v, end, cut, gamma**2, lam))


def rewards_one_step_late(patch: Patch) -> None:
    change_gae(patch, lambda r, *rest: (r.roll(1, 1), *rest))


def climbs_down(patch: Patch) -> None:
    patch.setattr(losses, "clipped_surrogate_grad", lambda *args: -surrogate_grad(*args))


def actions_of_another_step(patch: Patch) -> None:
    change_batch(patch, "actions", lambda actions: actions.roll(16, 1))


def no_trace(patch: Patch) -> None:
    change_gae(patch, lambda *args: (*args[:-1], 0 * args[-1]))


def a_time_limit_is_an_end(patch: Patch) -> None:
    change_gae(patch, lambda r, v, end, cut, *rest: (r, v, end | cut, cut, *rest))


def an_end_is_a_time_limit(patch: Patch) -> None:
    change_gae(patch, lambda r, v, end, cut, *rest: (r, v, end & False, end | cut, *rest))


def resets_count(patch: Patch) -> None:
    change_batch(patch, "weights", torch.ones_like)


def the_mean_gets_no_gradient(patch: Patch) -> None:
    backward = DiagonalGaussian.backward

    def still(self: DiagonalGaussian, *args: Any) -> tuple[torch.Tensor, torch.Tensor | None]:
        grad_mean, grad_log_std = backward(self, *args)
        return 0 * grad_mean, grad_log_std

    patch.setattr(DiagonalGaussian, "backward", still)


def the_shapes_get_no_gradient(patch: Patch) -> None:
    backward = Beta.backward
    patch.setattr(Beta, "backward", lambda *args: (0 * backward(*args)[0], None))


def actions_are_sent_as_they_are(patch: Patch) -> None:
    patch.setattr(Bounds, "scale", lambda _, fractions: fractions)


def raw_observations(patch: Patch) -> None:
    patch.setattr(ObsNormalizer, "__call__", lambda _, obs: obs)


def change_gae(patch: Patch, change: Callable[..., tuple[Any, ...]]) -> None:
    patch.setattr(advantages, "gae", lambda *args: gae(*change(*args)))


def change_batch(patch: Patch, name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    make_batch = trainer.make_batch

    def changed(state: PopulationState, rollout: Any) -> Any:
        batch = make_batch(state, rollout)
        return replace(batch, **{name: change(getattr(batch, name))})

    patch.setattr(trainer, "make_batch", changed)


FAULTS: list[tuple[Callable[[Patch], None], str]] = [
    (no_value_loss, "constant_value"),
    (observations_of_another_step, "observation_dependent_value"),
    (wrong_discount, "discounted_delayed_reward"),
    (rewards_one_step_late, "reward_comes_before_the_end"),
    (climbs_down, "action_chooses_reward"),
    (actions_of_another_step, "observation_action_match"),
    (no_trace, "choice_bears_fruit_later"),
    (a_time_limit_is_an_end, "truncation_is_not_termination"),
    (an_end_is_a_time_limit, "termination_has_no_future"),
    (resets_count, "filler_does_not_leak"),
    (the_mean_gets_no_gradient, "continuous_target"),
    (the_shapes_get_no_gradient, "continuous_target_by_beta"),
    (actions_are_sent_as_they_are, "continuous_target_by_beta"),
    (actions_are_sent_as_they_are, "continuous_target_by_a_squashed_gaussian"),
    (raw_observations, "scaled_observations"),
]


@pytest.mark.parametrize(("fault", "name"), FAULTS, ids=lambda p: getattr(p, "__name__", p))
def test_a_fault_is_found_by_the_probe_that_is_there_for_it(
    fault: Callable[[Patch], None], name: str, monkeypatch: Patch
) -> None:
    fault(monkeypatch)
    assert not CHECKS[name]("ppo-clip")


def test_every_probe_is_asked_and_has_its_fault() -> None:
    names = {re.sub(r"(?<!^)(?=[A-Z])", "_", probe.__name__).lower() for probe in probes.PROBES}
    assert names == {name.partition("_by_")[0] for name in CHECKS}
    assert set(CHECKS) == {name for _, name in FAULTS}


# ---------------------------------------------------------------------- real environments


def shipped(env_id: str, algorithm: str, seeds: int) -> list[float]:
    """Final returns of several seeds with the shipped settings."""
    values = {"algorithm": algorithm, "num_evals": 0}
    config = resolve_config(env=env_id, config_file=None, values=values).config
    *_, last = play(population([with_values(config, {"seed": 1 + index}) for index in range(seeds)]))
    means = [member.last_eval.mean for member in last.members if member.last_eval is not None]
    assert len(means) == seeds
    return means


def test_cartpole_is_solved_with_the_shipped_settings() -> None:
    means = shipped("CartPole-v1", "ppo-clip", 3)
    assert float(np.median(means)) > 475, means


@pytest.mark.learning
@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
def test_cartpole_is_solved_by_every_seed_of_every_algorithm(algorithm: str) -> None:
    means = shipped("CartPole-v1", algorithm, 5)
    assert min(means) >= 475, means


@pytest.mark.learning
@pytest.mark.parametrize("algorithm", ["ppo-clip", "ppo-kl"])
def test_lunarlander_is_solved_by_every_seed(algorithm: str) -> None:
    means = shipped("LunarLander-v3", algorithm, 5)
    assert min(means) >= 200, means


@pytest.mark.learning
def test_pendulum_is_swung_up_with_the_shipped_settings() -> None:
    means = shipped("Pendulum-v1", "ppo-clip", 3)
    assert float(np.mean(means)) > -250, means
