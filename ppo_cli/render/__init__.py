"""Playing episodes before a camera: from policies to films.

    Scene      who plays what: a trained policy, a kept one, or chance        scene.py
    Script     which episodes are shown, and how                              script.py
    Act        scenes that begin together, side by side                       script.py
    Shooting   the acts as pictures: drawn, scaled, written on, arranged      camera.py

An episode is played twice: first without a picture, which tells its return and length and costs little, then
drawn. So the best of many can be chosen without drawing them all.
"""

from ppo_cli.render.camera import Shooting, Shown
from ppo_cli.render.hud import Overlay
from ppo_cli.render.movie import Movie, render
from ppo_cli.render.playing import Episode, Moment, draw, play
from ppo_cli.render.scene import Panel, Scene, check_same_env, kept_panels, random_scene, run_scene
from ppo_cli.render.script import Act, Pick, Script, choose, one_after_the_other, side_by_side, start_seeds

__all__ = [
    "Act",
    "Episode",
    "Moment",
    "Movie",
    "Overlay",
    "Panel",
    "Pick",
    "Scene",
    "Script",
    "Shooting",
    "Shown",
    "check_same_env",
    "choose",
    "draw",
    "kept_panels",
    "one_after_the_other",
    "play",
    "random_scene",
    "render",
    "run_scene",
    "side_by_side",
    "start_seeds",
]
