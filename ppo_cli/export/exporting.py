"""Exports: a run folder in, the bytes of an exported policy out."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ppo_cli.config.dump import dump_config
from ppo_cli.config.schema import RunConfig
from ppo_cli.envs.factory import Env, make_env
from ppo_cli.errors import RunLockedError, UsageError
from ppo_cli.export.arrays import Array, Normalization, arrays_of
from ppo_cli.export.model_card import Card, readme, results_json
from ppo_cli.export.numpy_file import numpy_file
from ppo_cli.export.origin import Evaluation, Origin, origin_of
from ppo_cli.export.watch import observations
from ppo_cli.film.shots import OnProgress
from ppo_cli.play.evaluate import evaluate_run
from ppo_cli.play.policy import Policy, load_policy
from ppo_cli.render.movie import Movie, render
from ppo_cli.render.scene import run_scene
from ppo_cli.render.script import Script
from ppo_cli.runs.run_dir import RunDir
from ppo_cli.storage.files import read_file
from ppo_cli.storage.json_file import json_text
from ppo_cli.storage.tensor_file import MAX_FILE_BYTES

WATCHED_EPISODES = 20
CARD_EPISODES = 100


@dataclass(frozen=True)
class Exported:
    """The files that an export writes.

    Attributes:
        files: Contents by name; a single file has the empty name.
        notices: What the user should know.
    """

    files: dict[str, bytes]
    notices: tuple[str, ...] = ()


def export_onnx(run: RunDir, config: RunConfig, *, best: bool) -> Exported:
    """A policy as an ONNX model.

    Raises:
        UsageError: The run has no policy yet.
        CorruptFileError: Its files are damaged or do not belong together.
    """
    from ppo_cli.export.onnx_graph import onnx_file

    policy, origin = _loaded(run, config, best=best)
    return Exported({"": onnx_file(arrays_of(policy), origin)})


def export_numpy(run: RunDir, config: RunConfig, *, best: bool, module: str = "policy") -> Exported:
    """A policy as a Python file called ``module``; raises as :func:`export_onnx`."""
    policy, origin = _loaded(run, config, best=best)
    return Exported({"": numpy_file(arrays_of(policy), origin, module).encode()})


def export_sb3(run: RunDir, config: RunConfig, *, best: bool, on_progress: OnProgress) -> Exported:
    """A policy as a Stable-Baselines3 model; one that normalises plays some episodes for it.

    Raises:
        UsageError: The run has no policy yet, its environment cannot be made, or the policy would act
            otherwise in Stable-Baselines3.
        CorruptFileError: Its files are damaged or do not belong together.
    """
    from ppo_cli.export.sb3_zip import can_clip, check_actions, sb3_file

    policy, _ = _loaded(run, config, best=best)
    arrays = arrays_of(policy)
    check_actions(arrays, config.env_id)
    scenes = [run_scene(run, best=best, deterministic=deterministic) for deterministic in (True, False)]
    clipping, notices = False, tuple[str, ...]()
    if arrays.normalization is not None:
        seen = observations(scenes, WATCHED_EPISODES, on_progress)
        clipping, notices = _clipping(arrays.normalization, seen, can_clip=can_clip(arrays))
    env = make_env(config.env_id, config.env_kwargs)
    try:
        data = sb3_file(arrays, config, env, clipping=clipping)
        return Exported({"": data}, (*notices, *_about_start(env)))
    finally:
        env.close()


def export_card(run: RunDir, config: RunConfig, *, best: bool, on_progress: OnProgress) -> Exported:
    """A model card: all that is uploaded, as files of one folder.

    Args:
        run: The run.
        config: Its settings.
        best: Take the policy with the best evaluation instead of the last one.
        on_progress: Called as the work goes on.

    Raises:
        RunLockedError: The run is being trained: its files would not be of one policy.
        UsageError: The run has no policy yet, or its environment cannot be made.
        CorruptFileError: Its files are damaged or do not belong together.
    """
    if run.is_locked():
        raise RunLockedError(
            f"{run.path} is being trained, and a card is about one policy",
            hint="wait until the training ends, or stop it",
        )
    policy, origin = _loaded(run, config, best=best)
    evaluation = origin.evaluation
    if evaluation is None:
        on_progress("evaluating", 0, 1)
        evaluation = Evaluation.of(evaluate_run(run, episodes=CARD_EPISODES, seed=0, best=best))
    movie, notices = _filmed(run, best=best, on_progress=on_progress)
    card = Card(
        origin=replace(origin, evaluation=evaluation),
        evaluation=evaluation,
        config=config,
        summary=run.read_summary() or {},
        reward_threshold=policy.shape.spec.reward_threshold,
        replay=_caption(movie) if movie else None,
    )
    path = run.best_policy_path if best else run.policy_path
    files = {
        "README.md": readme(card).encode(),
        "results.json": json_text(results_json(card)).encode(),
        "config.yaml": dump_config(config).encode(),
        "policy.safetensors": read_file(path, MAX_FILE_BYTES),
        "policy.py": numpy_file(arrays_of(policy), card.origin).encode(),
    }
    return Exported(files | ({"replay.gif": movie.gif} if movie else {}), notices)


def _loaded(run: RunDir, config: RunConfig, *, best: bool) -> tuple[Policy, Origin]:
    policy = load_policy(run.path, best=best)
    return policy, origin_of(run, config, policy, best=best)


def _clipping(normalization: Normalization, seen: Array, *, can_clip: bool) -> tuple[bool, tuple[str, ...]]:
    """Tell whether normalised observations need to be clipped, by those of some episodes, and what to tell.

    Raises:
        UsageError: They need to be, and it cannot be done.
    """
    clipped = int(normalization.clipped(seen).sum())
    played = f"{WATCHED_EPISODES} episodes (clip_obs={normalization.clip:g})"
    what = f"of the {len(seen):,} observations of {played}"
    if not clipped:
        where = "normalisation is inside the first layer, without clipping"
        return False, (f"{where}, which changed none {what}",)
    if can_clip:
        return True, (f"clipping changed {clipped:,} {what}: one more layer in front does it",)
    raise UsageError(
        f"clipping changed {clipped:,} {what}, and a tanh network of Stable-Baselines3 has no place for it",
        hint="--to onnx and --to numpy clip; or train with a larger clip_obs, or with activation=relu",
        key="normalization.clip_obs",
    )


def _about_start(env: Env) -> list[str]:
    start = getattr(env.action_space, "start", 0)
    return [f"predict counts actions from 0, the environment from {start}: add {start}"] if start else []


def _filmed(run: RunDir, *, best: bool, on_progress: OnProgress) -> tuple[Movie | None, tuple[str, ...]]:
    """The GIF of a typical episode; none of an environment without pictures, and why."""
    try:
        return render(run_scene(run, best=best), Script(pick="median"), on_progress), ()
    except UsageError as error:
        return None, (f"the card is without a GIF: {error.message}",)


def _caption(movie: Movie) -> str:
    episode = movie.episodes[0]
    result = f"{episode.episode_return:.1f} in {episode.length:,} steps"
    return f"The median of {Script.of} episodes by return: {result}."
