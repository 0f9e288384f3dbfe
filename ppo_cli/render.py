"""Playing episodes before a camera: from a policy to a GIF.

An episode is played twice: first without a picture, which tells its return and length and costs little, then
drawn. So the best of many can be chosen without drawing them all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray

from ppo_cli.config import load_config
from ppo_cli.envs.factory import Env, env_spec, make_env
from ppo_cli.errors import CorruptFileError, PpoError, UsageError
from ppo_cli.gif import Film, frame_delays, frame_stride
from ppo_cli.policy import Policy, load_policy
from ppo_cli.rng import Stream, episode_seed
from ppo_cli.run_dir import RunDir

Array = NDArray[Any]
Agent = Callable[[Array], Any]  # an observation to an action as the environment takes it
Pick = Literal["best", "median", "worst"]
Told = Callable[[str, int, int], None]  # what is being done, how much is done, of how much

RGB = "rgb_array"
DEFAULT_ENV_FPS = 30  # Gymnasium's own, for environments that do not say
MAX_STEPS = 10_000  # of an environment without a time limit


@dataclass(frozen=True)
class Scene:
    """Who plays what.

    Attributes:
        env_id: The environment.
        env_kwargs: Arguments of its constructor.
        make_agent: The agent of one episode, from the environment's action space and the episode's seed.
    """

    env_id: str
    env_kwargs: Mapping[str, Any]
    make_agent: Callable[[gym.Space[Any], int], Agent]


@dataclass(frozen=True)
class Script:
    """Which episodes are shown, and how.

    Attributes:
        episodes: How many are shown, one after the other.
        seed: Seed of the start states: those of ``ppo eval`` with the same seed, in the same order.
        pick: Choose by return; None takes the first ones as played.
        of: How many are played to pick from; ignored without ``pick``.
        fps: Frames per second, about: every n-th of the environment's frames is shown.
        width: Width in pixels, at most the environment's; None for that.
    """

    episodes: int = 1
    seed: int = 0
    pick: Pick | None = None
    of: int = 20
    fps: int = 25
    width: int | None = None


@dataclass(frozen=True)
class Episode:
    """An episode that was played.

    Attributes:
        episode_return: Sum of the environment's own rewards.
        length: Number of steps.
        seed: The seed that the environment was reset with.
    """

    episode_return: float
    length: int
    seed: int


@dataclass(frozen=True)
class Movie:
    """A finished film.

    Attributes:
        gif: The file's bytes.
        frames: Number of frames in it.
        seconds: How long it plays.
        episodes: What it shows, in order.
    """

    gif: bytes
    frames: int
    seconds: float
    episodes: tuple[Episode, ...]


def run_scene(run: RunDir, *, best: bool = False, deterministic: bool = True) -> Scene:
    """The policy of a run in its environment.

    Args:
        run: The run.
        best: Take the policy with the best evaluation instead of the last one.
        deterministic: Take the most likely action each time instead of a sample.

    Raises:
        UsageError: The run has no policy yet, or its environment cannot be made.
        CorruptFileError: Its files are damaged or do not belong together.
    """
    config = load_config(run.config_path)
    policy = load_policy(run.path, best=best)
    torch.set_num_threads(1)
    _without_display()
    spec, trained = env_spec(config.env_id, config.env_kwargs), policy.shape.spec
    if (spec.obs_size, spec.action) != (trained.obs_size, trained.action):
        raise CorruptFileError(
            f"{run.path}: the policy was trained on {trained.env_id} and does not fit {config.env_id} "
            "as config.yaml describes it",
            file=run.config_path,
        )

    def make_agent(space: gym.Space[Any], seed: int) -> Agent:
        own = Policy(policy.shape, policy.params[0], policy.obs_mean, policy.obs_var, seed=seed)
        return lambda obs: _sendable(own.predict(obs, deterministic=deterministic)[0], space)

    return Scene(config.env_id, config.env_kwargs, make_agent)


def random_scene(env_id: str) -> Scene:
    """An agent that knows nothing: every action is as likely as any other."""

    def make_agent(space: gym.Space[Any], seed: int) -> Agent:
        space.seed(seed % 2**32)
        return lambda obs: space.sample()

    return Scene(env_id, {}, make_agent)


def render(scene: Scene, script: Script, told: Told = lambda what, done, of: None) -> Movie:
    """Play episodes and film them. The same scene and script give the same bytes.

    Args:
        scene: Who plays what.
        script: Which episodes, and how they are shown.
        told: Called as the work goes on.

    Raises:
        UsageError: The environment cannot be made or rendered.
        PpoError: The environment failed.
    """
    _without_display()
    env_fps = _env_fps(scene)
    played = []
    num_played = script.episodes if script.pick is None else script.of
    for index, seed in enumerate(start_seeds(script.seed, num_played)):
        told("playing episodes", index, num_played)
        played.append(play(scene, seed))
    chosen = choose([episode.episode_return for episode in played], script.pick, script.episodes)

    film, delays, shown = Film(script.width), list[int](), list[Episode]()
    stride = frame_stride(env_fps, script.fps)
    num_steps, steps_before = sum(played[index].length for index in chosen), 0
    for index in chosen:
        kept = []
        for frame, episode, ended in draw(scene, played[index].seed):
            if episode.length % stride == 0 or ended:
                _add(film, frame, scene)
                kept.append(episode.length)
            told("drawing frames", steps_before + episode.length, num_steps)
        delays += frame_delays(kept, episode.length + 1, env_fps)
        steps_before += episode.length
        shown.append(episode)
    gif, num_frames = film.to_gif(delays)
    return Movie(gif, num_frames, sum(delays) / 100, tuple(shown))


def choose(returns: Sequence[float], pick: Pick | None, count: int) -> list[int]:
    """Which episodes to show, and in which order.

    Args:
        returns: Of all played episodes.
        pick: The best ones (best first), the worst ones (worst first) or those in the middle; None for the
            first ones as played.
        count: How many.

    >>> returns = [10.0, 30.0, 20.0, 0.0, 40.0]
    >>> [choose(returns, pick, 1) for pick in ("best", "median", "worst")], choose(returns, "best", 2)
    ([[4], [2], [3]], [4, 1])
    """
    ascending = sorted(range(len(returns)), key=lambda index: returns[index])
    if pick is None:
        return list(range(count))
    if pick == "best":
        return ascending[::-1][:count]
    first = 0 if pick == "worst" else (len(ascending) - count) // 2
    return ascending[first : first + count]


def start_seeds(seed: int, count: int) -> list[int]:
    """The reset seeds of the episodes that ``ppo eval`` plays with ``seed``."""
    own = episode_seed(seed, Stream.USER_EVAL, 0, 0)
    return [episode_seed(own, Stream.USER_EVAL, index, 0) for index in range(count)]


def play(scene: Scene, seed: int) -> Episode:
    """Play an episode without drawing it.

    Raises:
        PpoError: The environment failed.
    """
    *_, (_, episode, _) = _steps(scene, seed, None)
    return episode


def draw(scene: Scene, seed: int) -> Iterator[tuple[Array, Episode, bool]]:
    """Play an episode and draw every step: some environments keep a step's objects until they are drawn.

    Yields:
        A frame uint8 [H, W, 3], the episode so far, and whether it has ended. The first frame shows the
        start state, so there is one more than there are steps.

    Raises:
        UsageError: The environment gives no pictures.
        PpoError: The environment failed.
    """
    for env, episode, ended in _steps(scene, seed, RGB):
        yield _picture(env, scene.env_id), episode, ended


def _steps(scene: Scene, seed: int, render_mode: str | None) -> Iterator[tuple[Env, Episode, bool]]:
    """Step through an episode, in an environment of its own: some remember what was played before."""
    env = make_env(scene.env_id, scene.env_kwargs, render_mode)
    try:
        agent = scene.make_agent(env.action_space, seed)
        obs, _ = env.reset(seed=seed)
        episode, ended = Episode(0.0, 0, seed), False
        yield env, episode, ended
        while not ended:
            action = agent(obs)
            try:
                obs, reward, terminated, truncated, _ = env.step(action)
            except Exception as error:  # the environment's code may raise anything
                raise _failed(scene.env_id, f"step({action!r})", error) from error
            episode = Episode(episode.episode_return + float(reward), episode.length + 1, seed)
            ended = bool(terminated or truncated) or episode.length == MAX_STEPS
            yield env, episode, ended
    finally:
        env.close()


def _picture(env: Env, env_id: str) -> Array:
    try:
        frame = env.render()
    except (ImportError, gym.error.DependencyNotInstalled) as error:
        raise UsageError(
            f"{env_id} cannot be rendered: {error}", hint="`ppo doctor` checks the installation", key="env_id"
        ) from error
    except Exception as error:
        raise _failed(env_id, "render()", error) from error
    if isinstance(frame, np.ndarray) and frame.dtype == np.uint8 and frame.ndim == 3 and frame.shape[2] == 3:
        return frame
    found = f"{frame.dtype} {frame.shape}" if isinstance(frame, np.ndarray) else type(frame).__name__
    raise UsageError(
        f"{env_id} cannot be rendered: its render() gives {found}",
        hint=f"with render_mode={RGB!r} it should give arrays of uint8 [height, width, 3]",
        key="env_id",
    )


def _add(film: Film, frame: Array, scene: Scene) -> None:
    try:
        film.add(frame)
    except ValueError as error:
        raise UsageError(f"{scene.env_id} cannot be rendered: {error}", key="env_id") from error


def _env_fps(scene: Scene) -> float:
    """The environment's frames per second.

    Raises:
        UsageError: It has no pictures to give.
    """
    env = make_env(scene.env_id, scene.env_kwargs)
    try:
        metadata = env.metadata
    finally:
        env.close()
    modes = metadata.get("render_modes") or []
    if RGB not in modes:
        raise UsageError(
            f"{scene.env_id} cannot be rendered: it has no render mode {RGB!r}",
            hint=f"its metadata['render_modes'] lists: {', '.join(map(str, modes)) or 'none'}",
            key="env_id",
        )
    fps = metadata.get("render_fps")
    return float(fps) if isinstance(fps, int | float) and fps > 0 else DEFAULT_ENV_FPS


def _sendable(action: Any, space: gym.Space[Any]) -> Any:
    """An action of :meth:`Policy.predict` as the environment takes it."""
    if isinstance(space, gym.spaces.Discrete):
        return space.start + space.dtype.type(action)
    return np.asarray(action, dtype=space.dtype).reshape(space.shape)


def _failed(env_id: str, call: str, error: Exception) -> PpoError:
    return PpoError(
        f"{env_id} failed in {call}: {type(error).__name__}: {error}",
        hint="the fault is in the environment, or in env_kwargs",
    )


def _without_display() -> None:
    """Tell pygame, before it is imported, that there is no display, and that nobody wants its greeting."""
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    os.environ["PYGAME_HIDE_SUPPORT_PROMPT"] = "1"
