"""``ppo render``: play a trained policy and write a GIF."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ppo_cli.cli import options
from ppo_cli.cli.eval import Best, Seed, Stochastic
from ppo_cli.cli.options import DEFAULT_RUNS_DIR
from ppo_cli.cli.output import print_json
from ppo_cli.errors import UsageError

if TYPE_CHECKING:
    from ppo_cli.render import Movie, Scene


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
        metavar="[RUN]",
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
    int | None, typer.Option("--width", metavar="PIXELS", min=16, max=65_535, help="Scale down to this width.")
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

    The episodes are those of `ppo eval` with the same --seed, in the same order.

    \b
    Examples:
      ppo render latest
      ppo render latest --pick worst --of 100 --fps 50 --output worst.gif
      ppo render --random --env LunarLander-v3
    """
    of = _num_played(episodes, pick, of)
    if random:
        env_id = _env_to_render(env, refused={"RUN": run, "--best": best, "--stochastic": stochastic})
        about: dict[str, Any] = {"run_dir": None, "env_id": env_id}
        path = output or Path(f"{env_id.rpartition(':')[2].replace('/', '-')}-random.gif")
        make_scene: Callable[[], Scene] = lambda: _random_scene(env_id)  # noqa: E731
