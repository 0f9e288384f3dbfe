"""What ``ppo render`` says at its end: what it wrote, and what that shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ppo_cli.cli.terminal.output import print_json

if TYPE_CHECKING:
    from ppo_cli.cli.rendering.target import Target
    from ppo_cli.film.output import Written
    from ppo_cli.render.camera import Shown


def report(target: Target, written: Written, shown: Sequence[Shown], pace: float, *, json: bool) -> None:
    """Print what was written, and what it shows.

    Args:
        target: The film.
        written: Its size.
        shown: The episodes.
        pace: Pictures per second.
        json: Whether to print a JSON document.
    """
    if json:
        print_json(_document(target, written, shown, pace))
        return
    from ppo_cli.report.console import stdout_console
    from ppo_cli.report.numbers import count, number, size
    from ppo_cli.report.tables import evaluation_table

    rows: list[tuple[str, object]] = [("environment", shown[0].panel.scene.env_id)]
    for entry in shown:
        played = f"return {number(entry.episode.episode_return)}, {count(entry.episode.length)} steps"
        rows.append((entry.panel.label or "episode", played))
    time = f"{number(written.seconds, 3)} s" if written.seconds is not None else f"{number(pace)} a second"
    rows += [
        ("folder" if target.kind == "png" else "file", str(target.path)),
        ("size", f"{size(written.num_bytes)}, {count(written.frames)} frames, {time}"),
    ]
    stdout_console().print(evaluation_table(rows))


def _document(target: Target, written: Written, shown: Sequence[Shown], pace: float) -> dict[str, Any]:
    runs = {entry.panel.about.get("run_dir") for entry in shown}
    return {
        "run_dir": runs.pop() if len(runs) == 1 else None,
        "env_id": shown[0].panel.scene.env_id,
        "path": str(target.path),
        "format": target.kind,
        "episodes": [_episode(entry) for entry in shown],
        "frames": written.frames,
        "frames_per_second": pace,
        "seconds": written.seconds,
        "bytes": written.num_bytes,
    }


def _episode(shown: Shown) -> dict[str, Any]:
    episode = shown.episode
    label = {"label": shown.panel.label} if shown.panel.label else {}
    facts = {"return": episode.episode_return, "length": episode.length, "seed": episode.seed}
    return {**label, **shown.panel.about, **facts}
