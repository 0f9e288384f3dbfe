"""The words on a picture of an episode."""

from __future__ import annotations

from typing import Literal

from ppo_cli.film.overlay import Line
from ppo_cli.render.actions import action_lines
from ppo_cli.render.numbers import short, total
from ppo_cli.render.playing import Moment
from ppo_cli.render.scene import Scene

Overlay = Literal["none", "simple", "full"]

_ENDINGS = {"": "", "terminated": "ended", "truncated": "time is up", "cut": "cut off"}


def lines_of(moment: Moment, scene: Scene, overlay: Overlay, label: str = "") -> list[Line]:
    """The lines of an overlay.

    Args:
        moment: How the episode stands.
        scene: Who plays what.
        overlay: ``none``, ``simple`` (return and step) or ``full`` (action, reward and its terms too).
        label: The heading; empty for none.
    """
    if overlay == "none":
        return []
    episode = moment.episode
    lines = [Line(label)] if label else []
    lines += [Line("return", total(episode.episode_return))]
    lines += [Line("step", f"{episode.length}", mark=_ENDINGS[moment.ending])]
    if overlay == "full":
        reward = moment.reward if episode.length else float("nan")
        lines += action_lines(moment.action, moment.action_space, scene.env_id)
        lines += [Line("reward", short(reward))]
        lines += [Line(name, short(value)) for name, value in moment.terms.items()]
        if moment.shaped is not None and scene.shaping.mode not in ("off", "log"):
            lines += [Line("shaped", short(moment.shaped))]
    return lines
