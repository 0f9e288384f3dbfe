"""LunarLander's own step and ours: the same bits, or else Gymnasium steps."""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from Box2D import b2Vec2
from gymnasium.envs.box2d.lunar_lander import LunarLander, heuristic

from ppo_cli.envs import lander
from ppo_cli.envs.backends import LoopBackend, _stepper
from ppo_cli.envs.choice import make_backend
from ppo_cli.envs.factory import make_env
from ppo_cli.envs.lander import LanderStepper, lander_stepper

TIME_LIMIT = 1000
MODES = pytest.mark.parametrize("continuous", [False, True], ids=["discrete", "continuous"])

Pilot = Callable[[LunarLander, np.ndarray, np.random.Generator], Any]


def acts_at_random(env: LunarLander, obs: np.ndarray, rng: np.random.Generator) -> Any:
    return rng.normal(size=2) if env.continuous else rng.integers(4)


def lands(env: LunarLander, obs: np.ndarray, rng: np.random.Generator) -> Any:
    return heuristic(env, obs)


def lands_unsteadily(env: LunarLander, obs: np.ndarray, rng: np.random.Generator) -> Any:
    return (lands if rng.random() < 0.7 else acts_at_random)(env, obs, rng)


def hovers(env: LunarLander, obs: np.ndarray, rng: np.random.Generator) -> Any:
    return heuristic(env, obs - [0, 0.6, 0, 0, 0, 0, 0, 0])


def flies_away(env: LunarLander, obs: np.ndarray, rng: np.random.Generator) -> Any:
    return heuristic(env, obs - [-1.5, 0.9, 0, 0, 0, 0, 0, 0])


def stays_idle(env: LunarLander, obs: np.ndarray, rng: np.random.Generator) -> Any:
    return [0, 0] if env.continuous else 0


def knows_only_extremes(env: LunarLander, obs: np.ndarray, rng: np.random.Generator) -> Any:
    """The borders of the throttles and what lies beyond; zero with either sign."""
    values = [-np.inf, -1.0, -0.5, -0.0, 0.0, np.nextafter(np.float32(0.5), np.float32(1)), 1.0, 1.5, np.inf]
    return rng.choice(values, 2) if env.continuous else rng.choice([1, 2, 3])


PILOTS = [
    acts_at_random,
    lands,
    lands_unsteadily,
    hovers,
    flies_away,
    stays_idle,
    knows_only_extremes,
]


@dataclass
class Flight:
    """All that an episode gave, to the bit, and how it went."""

    steps: list[tuple[Any, ...]] = field(default_factory=list)
    generator: Any = None
    ending: str = "time limit"
    stood: bool = False


def fly(env: LunarLander, stepper: Any, pilot: Pilot, seed: int | None) -> Flight:
    flight = Flight()
    rng = np.random.default_rng(seed)
    obs, info = stepper.reset(seed=seed)
    flight.steps.append((obs.dtype, obs.tobytes(), env.prev_shaping, env.helipad_x1, env.helipad_x2, info))
    for _ in range(TIME_LIMIT):
        action = pilot(env, obs.copy(), rng)
        action = np.asarray(action, dtype=np.float32) if env.continuous else np.int64(action)
        obs, reward, terminated, truncated, info = stepper.step(action)
        body = env.lander
        numbers = (reward, env.prev_shaping, *body.position, *body.linearVelocity, body.angle)
        flight.steps.append((obs.tobytes(), struct.pack("7d", *numbers), terminated, truncated, info))
        flight.stood |= bool(obs[6] and obs[7])
        if terminated:
            flight.ending = "asleep" if not body.awake else "crash" if env.game_over else "outside"
            break
    flight.generator = env.np_random.bit_generator.state
    return flight


def flights_of_both(
    seeds: list[int | None], pilot: Pilot, **kwargs: Any
) -> tuple[list[Flight], list[Flight]]:
    """The same episodes one after the other: by Gymnasium's step, and by ours in an object of its own."""
    theirs, ours = LunarLander(**kwargs), LunarLander(**kwargs)
    stepper = lander_stepper(ours)
    assert type(stepper) is LanderStepper
    return (
        [fly(theirs, theirs, pilot, seed) for seed in seeds],
        [fly(ours, stepper, pilot, seed) for seed in seeds],
    )


@MODES
@pytest.mark.parametrize("pilot", PILOTS)
def test_every_bit_of_an_episode_is_gymnasiums(pilot: Pilot, continuous: bool) -> None:
    theirs, ours = flights_of_both([1, 2, 3], pilot, continuous=continuous)
    assert ours == theirs


@MODES
def test_the_episodes_compared_end_in_every_way_there_is(continuous: bool) -> None:
    flights = [
        flight
        for pilot in (lands, hovers, flies_away, stays_idle)
        for flight in flights_of_both([1, 2, 3], pilot, continuous=continuous)[1]
    ]
    assert {flight.ending for flight in flights} == {"asleep", "crash", "outside", "time limit"}
    assert any(flight.stood for flight in flights)


@MODES
def test_another_gravity_is_heeded(continuous: bool) -> None:
    theirs, ours = flights_of_both([4], lands, continuous=continuous, gravity=-3.0)
    assert ours == theirs
    assert ours != flights_of_both([4], lands, continuous=continuous)[1]


def test_a_reset_without_seed_goes_on_with_the_same_generator() -> None:
    theirs, ours = flights_of_both([5, None, None, 5], stays_idle)
    assert ours == theirs
    assert ours[0] == ours[3]
    assert ours[1].generator != ours[0].generator


def test_an_action_that_is_no_number_fires_nothing_as_in_gymnasium() -> None:
    def is_lost(env: LunarLander, obs: np.ndarray, rng: np.random.Generator) -> Any:
        return [np.nan, np.nan]

    theirs, ours = flights_of_both([6], is_lost, continuous=True)
    assert ours == theirs


def test_what_is_drawn_from_minus_one_to_one_is_a_scaled_draw_from_zero_to_one() -> None:
    uniform, scaled = np.random.default_rng(7), np.random.default_rng(7)
    expected = [uniform.uniform(-1.0, +1.0) for _ in range(10_000)]
    assert [-1.0 + 2.0 * scaled.random() for _ in range(10_000)] == expected
    assert uniform.bit_generator.state == scaled.bit_generator.state


# ------------------------------------------------------------------ who steps


def steps_itself(env: LunarLander) -> bool:
    return lander_stepper(env) is env


def test_the_installed_gymnasium_is_known() -> None:
    assert not steps_itself(LunarLander())


def test_wind_and_drawing_are_left_to_gymnasium() -> None:
    assert steps_itself(LunarLander(enable_wind=True))
    assert steps_itself(LunarLander(render_mode="rgb_array"))


def test_a_subclass_or_an_object_with_a_step_of_its_own_steps_itself() -> None:
    class Heavier(LunarLander):
        pass

    patched = LunarLander()
    patched.step = functools.partial(LunarLander.step, patched)
    assert steps_itself(Heavier())
    assert steps_itself(patched)


def test_a_step_that_is_not_known_is_left_to_gymnasium(monkeypatch: pytest.MonkeyPatch) -> None:
    original = LunarLander.step

    def step(self: LunarLander, action: Any) -> Any:
        return original(self, action)

    for unknown in (step, functools.wraps(original)(step), eval("lambda self, action: None"), len):
        monkeypatch.setattr(LunarLander, "step", unknown)
        assert steps_itself(LunarLander())


def test_a_step_whose_digest_is_not_listed_is_left_to_gymnasium(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lander, "_KNOWN_STEPS", {"0" * 64: "no version"})
    assert steps_itself(LunarLander())


def test_a_reset_that_is_not_known_is_gymnasiums_and_the_step_still_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original, calls = LunarLander.reset, []

    def reset(self: LunarLander, **kwargs: Any) -> Any:
        calls.append(kwargs)
        return original(self, **kwargs)

    expected = flights_of_both([1, 2], lands)[1]
    monkeypatch.setattr(LunarLander, "reset", reset)
    assert flights_of_both([1, 2], lands)[1] == expected
    assert len(calls) == 4, "two by Gymnasium, and two by ours"


def test_a_thousand_worlds_that_were_flown_in_are_left_behind_in_peace() -> None:
    stepper = lander_stepper(LunarLander())
    for seed in range(1000):
        stepper.reset(seed=seed)
        for action in (2, 0, 1) * (seed % 40):  # some crash, some are left in the air
            if stepper.step(action)[2]:
                break


def test_a_box2d_that_gives_copies_is_left_to_gymnasium(monkeypatch: pytest.MonkeyPatch) -> None:
    class GivesCopies:
        """Both the environment and its lander, whose vectors are as they were when asked for."""

        time = 0.0
        lander = property(lambda self: self)
        position = linearVelocity = property(lambda self: b2Vec2(0.0, self.time))  # noqa: N815 - Box2D's name

        def reset(self, seed: int) -> None:
            pass

        def step(self, action: int) -> None:
            self.time += 1.0

    monkeypatch.setattr(lander, "_vectors_follow_their_body", lambda: False)
    assert steps_itself(LunarLander())
    monkeypatch.undo()
    monkeypatch.setattr(lander, "LunarLander", GivesCopies)
    assert not lander._vectors_follow_their_body.__wrapped__()


@pytest.mark.parametrize("env_id", ["LunarLander-v3", "LunarLanderContinuous-v3"])
def test_backends_use_it_for_every_row(env_id: str) -> None:
    backend = make_backend(env_id, {}, 3)
    assert isinstance(backend, LoopBackend)
    assert [type(stepper) for stepper in backend._steppers] == [LanderStepper] * 3


def test_backends_leave_wind_drawing_and_wrappers_to_gymnasium() -> None:
    windy = make_env("LunarLander-v3", {"enable_wind": True})
    drawn = make_env("LunarLander-v3", render_mode="rgb_array")
    wrapped = make_env("LunarLander-v3", {"max_episode_steps": -1})
    assert _stepper(windy) is windy.unwrapped
    assert _stepper(drawn) is drawn.unwrapped
    assert _stepper(wrapped) is wrapped
