"""Who plays in ``ppo render``: which words make which panels, and what does not go together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ppo_cli.errors import UsageError

if TYPE_CHECKING:
    from ppo_cli.render.scene import Panel
    from ppo_cli.runs.run_dir import RunDir

MOST_PANELS = 16
UNTRAINED = "untrained"


@dataclass(frozen=True)
class Cast:
    """What the words of a command line ask for.

    Attributes:
        runs: The runs by label, in the order in which they were named.
        env_id: The environment of an untrained agent alone; empty where there are runs.
        with_random: Whether an untrained agent plays along.
        progress: Whether the kept policies of the one run play, one after the other.
    """

    runs: Mapping[str, RunDir]
    env_id: str
    with_random: bool
    progress: bool

    @property
    def default_path(self) -> Path:
        """The default path of the film, without its ending."""
        if not self.runs:
            plain = self.env_id.rpartition(":")[2].replace("/", "-")  # without its module and folders
            return Path(f"{plain}-random")
        (first, *others) = self.runs.values()
        if self.progress:
            return first.path / "progress"
        return Path("side-by-side") if others or self.with_random else first.path / "render"

    def panels(self, *, best: bool, deterministic: bool) -> list[Panel]:
        """The scenes of the film.

        Args:
            best: Take each run's policy with the best evaluation instead of the last one.
            deterministic: Take the most likely action each time instead of a sample.

        Raises:
            UsageError: A run has no policy, or they are of different environments.
            CorruptFileError: A run's files are damaged.
        """
        from ppo_cli.render.scene import Panel, check_same_env, kept_panels, random_scene, run_scene

        if not self.runs:
            return [Panel(random_scene(self.env_id))]
        if self.progress:
            (run,) = self.runs.values()
            return kept_panels(run, deterministic=deterministic)
        several = len(self.runs) > 1 or self.with_random
        scenes = {
            label: run_scene(run, best=best, deterministic=deterministic) for label, run in self.runs.items()
        }
        check_same_env({self.runs[label].path: scene for label, scene in scenes.items()})
        policy = "best" if best else "last"
        panels = [
            Panel(scene, label if several else "", {"run_dir": str(self.runs[label].path), "policy": policy})
            for label, scene in scenes.items()
        ]
        if self.with_random:
            like = panels[0].scene
            panels.append(Panel(random_scene(like.env_id, like), UNTRAINED, {"run_dir": None}))
        return panels


def find_cast(
    words: list[str], runs_dir: Path, *, random: bool, env: str | None, progress: bool, allow_import: bool
) -> Cast:
    """What the words of a command line ask for.

    Args:
        words: The runs, each as it is or after ``label=``.
        runs_dir: Where runs are.
        random: ``--random``.
        env: ``--env``.
        progress: ``--progress``.
        allow_import: ``--allow-import``.

    Raises:
        UsageError: There is no such run, or the options do not go together.
        CorruptFileError: A run's settings are damaged.
    """
    if not words:
        if progress or not random:
            raise UsageError("which run?", hint="ppo render latest; or ppo render --random --env CartPole-v1")
        return Cast({}, _typed_env(env), with_random=False, progress=False)
    if env is not None:
        raise UsageError(
            "--env cannot be given beside runs: they have their environment",
            hint="ppo render --random --env ID shows an untrained agent alone",
        )
    if len(words) + random > MOST_PANELS:
        raise UsageError(
            f"{len(words) + random} policies are more than can be seen side by side",
            hint=f"at most {MOST_PANELS} of them",
        )
    if progress and len(words) > 1:
        raise UsageError("--progress shows one run", hint="give each run a film of its own")
    runs: dict[str, RunDir] = {}
    for word in words:
        label, run = _labelled(word, runs_dir, allow_import=allow_import)
        if label in runs:
            raise UsageError(f"{label!r} is named twice", hint="tell them apart: a=RUN b=RUN")
        runs[label] = run
    return Cast(runs, "", with_random=random, progress=progress)


def _labelled(word: str, runs_dir: Path, *, allow_import: bool) -> tuple[str, RunDir]:
    """A run and what it is called, whose settings can be read and whose environment may be imported."""
    from ppo_cli.envs.consent import agree_to_run
    from ppo_cli.runs.reading import read_config
    from ppo_cli.runs.run_dir import find_run

    label, sign, ref = word.partition("=")
    try:
        run = find_run(runs_dir, word)
        label = run.name
    except UsageError:
        if not (sign and label and ref):
            raise
        run = find_run(runs_dir, ref)
    agree_to_run(read_config(run), allow_import=allow_import, folder=run.path)
    return label, run


def _typed_env(env: str | None) -> str:
    """The environment of ``--random``; typed on the command line, so it may name a module to import."""
    from ppo_cli.envs.registry import resolve_env_id
    from ppo_cli.report.console import stderr_console
    from ppo_cli.report.text import clean

    if env is None:
        raise UsageError("--random needs an environment", hint="ppo render --random --env CartPole-v1")
    resolved = resolve_env_id(env, allow_import=True)
    if resolved.notice:
        stderr_console().print(clean(resolved.notice), soft_wrap=True)
    return resolved.env_id
