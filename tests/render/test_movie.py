"""A film of one policy."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.render_helpers import (
    frames_of,
)

from ppo_cli.film.gif import encode_gif
from ppo_cli.film.shots import Shot
from ppo_cli.render.hud import Overlay
from ppo_cli.render.movie import render
from ppo_cli.render.playing import draw, play
from ppo_cli.render.scene import random_scene
from ppo_cli.render.script import Script


@pytest.mark.parametrize("overlay", ["none", "simple", "full"])
def test_a_landing_is_small_and_its_particles_change_nothing(overlay: Overlay) -> None:
    scene = random_scene("LunarLander-v3")
    movie = render(scene, Script(seed=3, overlay=overlay))
    (episode,) = movie.episodes
    assert play(scene, episode.seed) == episode
    assert len(movie.gif) < 1500 * (episode.length + 1) < 300_000


def test_small_things_keep_their_colour(tmp_path: Path) -> None:
    scene = random_scene("CartPole-v1")
    picture, _ = next(iter(draw(scene, 0)))
    axle = (picture == (129, 132, 203)).all(axis=2)
    assert 20 < axle.sum() < 200, "a thousandth of the picture at most"
    ((frame,), _) = frames_of(encode_gif([Shot(picture, 4)]).data)
    assert (frame[axle] == (129, 132, 203)).all()
