"""``ppo render``: play a trained policy and write a GIF."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ppo_cli.cli import options
from ppo_cli.cli.eval import Best, Seed, Stochastic
from ppo_cli.cli.options import DEFAULT_RUNS_DIR
from ppo_cli.cli.output import print_json
from ppo_cli.errors import StorageError, UsageError

if TYPE_CHECKING:
    from ppo_cli.render import Movie
    from ppo_cli.run_dir import RunDir

_PICK_FROM = 20


def frames_per_second(text: str | int) -> int:
    """25 or 50: what a GIF can keep exactly and browsers show.

    >>> frames_per_second("50")
    50
    """
    if str(text) not in ("25", "50"):
        raise typer.BadParameter(f"{text!r} is not 25 or 50")
    return int(text)


Run = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN",
        help="A path, a name under the runs folder, the unique beginning of one, or `latest`.",
        autocompletion=options.complete_run,
        show_default=False,
    ),
]
Episodes = Annotated[int, typer.Option("--episodes", min=1, max=100, help="Episodes to show.")]
Picked = Annotated[
    Literal["best", "median", "worst"] | None,
    typer.Option("--pick", help="Show the episodes with such a return, not the first ones."),
]
Of = Annotated[
    int | None,
    typer.Option("--of", metavar="N", min=1, max=10_000, help="How many to --pick from (default: 20)."),
]
Fps = Annotated[
    int,
    typer.Option(
        "--fps",
        metavar="25|50",
        parser=frames_per_second,
        help="Frames per second, about; the pace is the environment's.",
    ),
]
Width = Annotated[
    int | None,
    typer.Option("--width", metavar="PIXELS", min=16, max=65_535, help="Scale down to this width."),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="The GIF (default: render.gif in the run folder)."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]
Random = Annotated[
    bool, typer.Option("--random", help="Show an untrained agent in --env; written to ./ENV-random.gif.")
]
Env = Annotated[str | None, typer.Option("--env", metavar="ID", help="The environment of --random.")]


def render_command(
    run: Run = None,
    episodes: Episodes = 1,
    seed: Seed = 0,
    best: Best = False,
    stochastic: Stochastic = False,
    pick: Picked = None,
    of: Of = None,
    fps: Fps = 25,
    width: Width = None,
    output: Output = None,
    force: Force = False,
    random: Random = False,
    env: Env = None,
    runs_dir: options.RunsDir = DEFAULT_RUNS_DIR,
    allow_import: options.AllowImport = False,
    json: options.Json = False,
) -> None:
    r"""Play a trained policy and write a GIF. No display is needed.

    The episodes start as those of `ppo eval` with the same --seed do, in the same order.

    \b
    Examples:
      ppo render latest
      ppo render latest --pick worst --of 100 --fps 50 --output worst.gif
      ppo render --random --env LunarLander-v3
    """
    from ppo_cli.files import atomic_write

    if random:
        _refuse("--random plays no run", {"RUN": run, "--best": best, "--stochastic": stochastic})
    else:
        _refuse("--env goes with --random", {"--env": env})
    num_played = _num_played(episodes, pick, of)
    found = None if random else _trained_run(run, runs_dir, allow_import=allow_import)
    env_id = "" if found else _typed_env(env)
    path = output or (found.path / "render.gif" if found else _random_path(env_id))
    check_output(path, force=force)

    from ppo_cli.render import Script, random_scene, render, run_scene

    scene = run_scene(found, best=best, deterministic=not stochastic) if found else random_scene(env_id)
    script = Script(episodes=episodes, seed=seed, pick=pick, of=num_played, fps=fps, width=width)
    with progress_bar() as told:
        movie = render(scene, script, told)
    atomic_write(path, movie.gif)
    about = {"run_dir": str(found.path) if found else None, "env_id": scene.env_id, "path": str(path)}
    _report(about, movie, json=json)


def check_output(path: Path, *, force: bool) -> None:
    """Refuse a file that cannot be written, before an episode is played for it.

    Args:
        path: The GIF to be.
        force: Whether a file that is there may be replaced.

    Raises:
        UsageError: It exists, is no file, has another ending than ``.gif``, or its folder does not exist.
        StorageError: Its folder cannot be written.
    """
    if path.suffix.lower() != ".gif":
        raise UsageError(f"{path}: what is written is a GIF", hint="let its name end in .gif", file=path)
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}", hint="make it first", file=path)
    if os.path.lexists(path):
        if not path.is_file():
            raise UsageError(f"{path} exists and is not a file", hint="choose another --output", file=path)
        if not force:
            raise UsageError(
                f"{path} exists already", hint="--force replaces it; --output chooses another", file=path
            )
    if not os.access(path.parent, os.W_OK):
        raise StorageError(
            f"cannot write {path}: its folder is not writable", hint="choose another --output", file=path
        )


@contextlib.contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on stderr, if that is a terminal: tell it what is done, how much of it, and of how much."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from ppo_cli.report.console import stderr_console

    console = stderr_console()
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("starting")
        yield lambda what, done, of: bar.update(task, description=what, completed=done, total=of)


def _trained_run(ref: str | None, runs_dir: Path, *, allow_import: bool) -> RunDir:
    """The run to render, whose settings can be read and whose environment may be imported."""
    from ppo_cli.cli.resolve import agree_to_run
    from ppo_cli.cli.runs import read_config
    from ppo_cli.run_dir import find_run

    if ref is None:
        raise UsageError("which run?", hint="ppo render latest; or ppo render --random --env CartPole-v1")
    found = find_run(runs_dir, ref)
    agree_to_run(read_config(found), allow_import=allow_import)
    return found


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


def _random_path(env_id: str) -> Path:
    """Where a random agent's film goes: the environment's id without its module and folders."""
    return Path(f"{env_id.rpartition(':')[2].replace('/', '-')}-random.gif")


def _num_played(episodes: int, pick: str | None, of: int | None) -> int:
    """How many episodes are played so that some can be picked."""
    if of is not None and pick is None:
        raise UsageError("--of says how many to pick from", hint="add --pick best, median or worst")
    of = max(_PICK_FROM, episodes) if of is None else of
    if pick is not None and of < episodes:
        raise UsageError(f"--episodes {episodes} cannot be picked --of {of}", hint="play more: a larger --of")
    return of


def _refuse(why: str, given: Mapping[str, object]) -> None:
    for option, value in given.items():
        if value:
            raise UsageError(f"{option} cannot be given here: {why}", hint="see ppo render --help")


def _report(about: Mapping[str, Any], movie: Movie, *, json: bool) -> None:
    from ppo_cli.report.console import stdout_console
    from ppo_cli.report.numbers import count, number, size
    from ppo_cli.report.tables import evaluation_table

    if json:
        episodes = [
            {"return": episode.episode_return, "length": episode.length, "seed": episode.seed}
            for episode in movie.episodes
        ]
        print_json({**about, "episodes": episodes, "frames": movie.frames, "bytes": len(movie.gif)})
        return
    rows: list[tuple[str, object]] = [("environment", about["env_id"])]
    rows += [
        ("episode", f"return {number(episode.episode_return)}, {count(episode.length)} steps")
        for episode in movie.episodes
    ]
    rows += [
        ("file", about["path"]),
        ("size", f"{size(len(movie.gif))}, {count(movie.frames)} frames, {number(movie.seconds, 3)} s"),
    ]
    stdout_console().print(evaluation_table(rows))
