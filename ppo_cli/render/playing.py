"""Playing an episode, with a picture of each step or without."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import gymnasium as gym
import numpy as np

from ppo_cli.envs.factory import ENDLESS, Env, make_env, spec_of
from ppo_cli.envs.guard import FAULTS, calling, check_finite, env_fault, stepping
from ppo_cli.envs.shaping import RewardShaping, ShapingParams
from ppo_cli.envs.user_terms import term_set
from ppo_cli.errors import PpoError, UsageError
from ppo_cli.film.shots import Array
from ppo_cli.render.display import without_display
from ppo_cli.render.scene import Scene

Ending = Literal["", "terminated", "truncated", "cut"]

RGB = "rgb_array"
DEFAULT_ENV_FPS = 30  # Gymnasium's own, for environments that do not say
MAX_STEPS = ENDLESS


@dataclass(frozen=True)
class Episode:
    """An episode that was played, or a part of one.

    Attributes:
        episode_return: Sum of the environment's own rewards.
        length: Number of steps.
        seed: The seed that the environment was reset with.
    """

    episode_return: float
    length: int
    seed: int


@dataclass(frozen=True)
class Moment:
    """The state of an episode after a step.

    Attributes:
        episode: The episode so far.
        action_space: Of the environment.
        action: The last action, as the environment took it; None before the first.
        reward: The environment's own reward for it.
        terms: The shaping terms of the last step by name, NaN before the first; none where nobody asked.
        shaped: The shaped reward, where the terms are told.
        ending: How the episode has ended, ``cut`` for too long; empty while it goes on.
    """

    episode: Episode
    action_space: gym.Space[Any]
    action: Any = None
    reward: float = 0.0
    terms: Mapping[str, float] = field(default_factory=dict)
    shaped: float | None = None
    ending: Ending = ""


def play(scene: Scene, seed: int) -> Episode:
    """Play an episode without drawing it.

    Raises:
        UsageError: The environment failed.
    """
    *_, (_, moment) = _steps(scene, seed, None, with_terms=False)
    return moment.episode


def draw(scene: Scene, seed: int, *, with_terms: bool = False) -> Iterator[tuple[Array, Moment]]:
    """Play an episode and draw every step: some environments keep a step's objects until they are drawn.

    Args:
        scene: Who plays what.
        seed: What the environment is reset with.
        with_terms: Whether the moments tell the terms of the reward.

    Yields:
        A frame uint8 [H, W, 3], and how the episode stands. The first frame shows the start state, so there
        is one more than there are steps.

    Raises:
        UsageError: The environment gives no pictures, or failed.
    """
    for env, moment in _steps(scene, seed, RGB, with_terms=with_terms):
        yield _picture(env, scene.env_id), moment


def env_fps(scene: Scene) -> float:
    """The environment's frames per second.

    Raises:
        UsageError: The environment cannot be made, or has no pictures to give.
    """
    without_display()
    env = make_env(scene.env_id, scene.env_kwargs)
    try:
        with calling(scene.env_id, "metadata"):
            metadata = dict(env.metadata)
            modes = list(metadata.get("render_modes") or [])
    finally:
        env.close()
    if RGB not in modes:
        raise UsageError(
            f"{scene.env_id} cannot be rendered: it has no render mode {RGB!r}",
            hint=f"its metadata['render_modes'] lists: {', '.join(map(str, modes)) or 'none'}",
            key="env_id",
        )
    fps = metadata.get("render_fps")
    return float(fps) if isinstance(fps, int | float) and fps > 0 else DEFAULT_ENV_FPS


def _steps(
    scene: Scene, seed: int, render_mode: str | None, *, with_terms: bool
) -> Iterator[tuple[Env, Moment]]:
    """Step through an episode, in an environment of its own: some remember what was played before."""
    env = make_env(scene.env_id, scene.env_kwargs, render_mode)
    try:
        names = _term_names(env, scene) if with_terms else ()
        if names:
            env = RewardShaping(env, _logged(scene.shaping), scene.env_id)
        agent = scene.make_agent(env.action_space, seed)
        with calling(scene.env_id, f"reset(seed={seed})"):
            obs, _ = env.reset(seed=seed)
        check_finite(scene.env_id, "reset()", np.atleast_2d(obs), np.zeros(1))
        moment = Moment(Episode(0.0, 0, seed), env.action_space, terms=dict.fromkeys(names, math.nan))
        yield env, moment
        while not moment.ending:
            action = agent(obs)
            try:
                with stepping():
                    obs, reward, terminated, truncated, info = env.step(action)
            except PpoError:  # shaping terms of the user's own tell their faults themselves
                raise
            except FAULTS as error:
                raise env_fault(scene.env_id, f"step({action!r})", error) from error
            check_finite(
                scene.env_id, "step()", np.atleast_2d(obs), np.zeros(1) if names else np.array([reward])
            )
            terms = dict(info["reward_components"]) if names else {"env_reward": float(reward)}
            ending: Ending = "terminated" if terminated else "truncated" if truncated else ""
            moment = _next(moment, action, terms, ending)
            yield env, moment
    finally:
        env.close()


def _next(moment: Moment, action: Any, terms: dict[str, float], ending: Ending) -> Moment:
    """The state of the episode after one more step, whose terms are the rewards too."""
    reward, shaped = terms.pop("env_reward"), terms.pop("shaped", None)
    before = moment.episode
    episode = Episode(before.episode_return + reward, before.length + 1, before.seed)
    if not ending and episode.length == MAX_STEPS:
        ending = "cut"
    return Moment(episode, moment.action_space, action, reward, terms, shaped, ending)


def _term_names(env: Env, scene: Scene) -> tuple[str, ...]:
    return term_set(spec_of(scene.env_id, env), scene.shaping.terms).names


def _logged(shaping: ShapingParams) -> ShapingParams:
    """Shaping that tells its terms: where it was off it changes nothing and tells them all the same."""
    return replace(shaping, mode="log") if shaping.mode == "off" else shaping


def _picture(env: Env, env_id: str) -> Array:
    with calling(env_id, "render()"):
        try:
            frame: Any = env.render()
        except (ImportError, gym.error.DependencyNotInstalled) as error:
            text, hint = f"{env_id} cannot be rendered: {error}", "`ppo doctor` checks the installation"
            raise UsageError(text, hint=hint, key="env_id") from error
    is_bytes = isinstance(frame, np.ndarray) and frame.dtype == np.uint8
    if is_bytes and frame.ndim == 3 and frame.shape[2] == 3 and frame.size:
        picture: Array = frame
        return picture
    kind = f"{frame.dtype} {frame.shape}" if isinstance(frame, np.ndarray) else type(frame).__name__
    raise UsageError(
        f"{env_id} cannot be rendered: its render() gives {kind}",
        hint=f"with render_mode={RGB!r} it should give arrays of uint8 [height, width, 3]",
        key="env_id",
    )
