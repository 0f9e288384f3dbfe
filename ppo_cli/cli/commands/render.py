"""``ppo render``: play trained policies and write a film."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ppo_cli.cli.commands.eval import Best, Seed, Stochastic
from ppo_cli.cli.terminal import options
from ppo_cli.cli.terminal.options import DEFAULT_RUNS_DIR


def frames_per_second(text: str | int) -> int:
    """25 or 50: what a GIF can keep exactly and browsers show.

    >>> frames_per_second("50")
    50
    """
    if str(text) not in ("25", "50"):
        raise typer.BadParameter(f"{text!r} is not 25 or 50")
    return int(text)


Runs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[LABEL=]RUN...",
        help="Paths, names under the runs folder, unique beginnings of one, or `latest`; several are shown "
        "side by side.",
        autocompletion=options.complete_run,
        show_default=False,
    ),
]
Last = Annotated[bool, typer.Option("--last", help="Take the last policy, which is the default.")]
Progress = Annotated[
    bool, typer.Option("--progress", help="Show the policies kept by `--set keep_policies=N`, one by one.")
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
Overlay = Annotated[
    Literal["none", "simple", "full"],
    typer.Option("--overlay", help="Write return and step on the pictures; full: action and reward too."),
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
    typer.Option("--width", metavar="PIXELS", min=16, max=65_535, help="Scale the film down to this width."),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="PATH",
        help="The film: FILE.gif, FILE.mp4, or FOLDER/ for PNG files (default: in the run folder; of several "
        "runs ./side-by-side).",
    ),
]
Format = Annotated[
    Literal["gif", "mp4", "png"] | None,
    typer.Option("--format", help="The format, where the ending does not say it."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the film if it exists.")]
Random = Annotated[
    bool, typer.Option("--random", help="Show an untrained agent in --env, or beside the runs, for contrast.")
]
Env = Annotated[str | None, typer.Option("--env", metavar="ID", help="The environment of --random.")]


def render_command(
    runs: Runs = None,
    best: Best = False,
    last: Last = False,
    progress: Progress = False,
    random: Random = False,
    env: Env = None,
    episodes: Episodes = 1,
    seed: Seed = 0,
    stochastic: Stochastic = False,
    pick: Picked = None,
    of: Of = None,
    overlay: Overlay = "simple",
    fps: Fps = 25,
    width: Width = None,
    output: Output = None,
    format: Format = None,
    force: Force = False,
    runs_dir: options.RunsDir = DEFAULT_RUNS_DIR,
    allow_import: options.AllowImport = False,
    json: options.Json = False,
) -> None:
    r"""Play trained policies and write a film: GIF, MP4 or PNG files. No display is needed.

    The episodes start as those of `ppo eval` with the same --seed do, in the same order.

    \b
    Examples:
      ppo render latest --overlay full
      ppo render latest --pick worst --of 100 --fps 50 --output worst.gif
      ppo render plain=RUN shaped=RUN --random --output contrast.mp4
      ppo render RUN --progress
      ppo render --random --env LunarLander-v3
    """
    from ppo_cli.cli.rendering.cast import find_cast
    from ppo_cli.cli.rendering.choices import num_played, refuse_contradictions
    from ppo_cli.cli.rendering.report import report
    from ppo_cli.cli.rendering.target import target_of
    from ppo_cli.cli.terminal.progress_bar import progress_bar

    given = {"--best": best, "--last": last, "--random": random, "--progress": progress, "--env": bool(env)}
    given |= {"--stochastic": stochastic, "--pick": pick is not None, "--episodes": episodes > 1}
    refuse_contradictions(given, runs=bool(runs))
    out_of = num_played(episodes, pick, of)
    cast = find_cast(
        runs or [], runs_dir, random=random, env=env, progress=progress, allow_import=allow_import
    )
    target = target_of(output, format, cast.default_path)

    from ppo_cli.film.output import check_target, write_film
    from ppo_cli.render.camera import Shooting
    from ppo_cli.render.script import Script, one_after_the_other, side_by_side

    check_target(target.path, target.kind, force=force)
    panels = cast.panels(best=best, deterministic=not stochastic)
    script = Script(episodes, seed, pick, out_of, fps, width, overlay)
    with progress_bar() as advance:
        acts = (one_after_the_other if progress else side_by_side)(panels, script, advance)
        shooting = Shooting(acts, script, advance)
        written = write_film(shooting, target.path, target.kind, advance)
    report(target, written, shooting.shown, shooting.frames_per_second, json=json)
