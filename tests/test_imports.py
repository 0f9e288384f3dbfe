"""Who imports whom: downward only, and every library has one home."""

from __future__ import annotations

import re
import sys
import tomllib

import pytest
from helpers.import_graph import REPOSITORY, imports_of, loaded_by, package_imports, room, sources

# From the top down: a room may import rooms of lower layers; those of one layer do not import each other.
LAYERS: tuple[tuple[str, set[str]], ...] = (
    ("the way in", {"__main__"}),
    ("commands: parse, call one function, print one thing", {"cli"}),
    ("verbs for Python programs and commands; pages about runs", {"api", "html"}),
    ("what a person sees on a terminal and in plots", {"report"}),
    ("studies: many populations, told apart by what is swept", {"sweeps"}),
    (
        "from settings or folders to populations, policies into other formats, comparisons into rewards",
        {"prepare", "export", "preferences"},
    ),
    ("the learner; films of what it made; what groups of runs are worth", {"learn", "render", "comparison"}),
    (
        "trained policies and reward models as files and at work; what logs say is wrong",
        {"play", "rewards", "diagnosis"},
    ),
    (
        "run folders, environments, networks; what is logged",
        {"runs", "envs", "nn", "metrics"},
    ),
    ("settings; pictures one after the other; compiled arithmetic", {"config", "film", "kernels"}),
    ("files that survive", {"storage"}),
    ("words that all share", {"errors", "spaces", "rng", "pace", "memory", "version"}),
)
# `ppo_cli/__init__.py` offers the verbs to users, lazily, and is imported by nobody here.
DEPTH = {room: depth for depth, (_, rooms) in enumerate(LAYERS) for room in rooms} | {"__init__": -1}

# The rooms, or single modules, in which a library may be imported; None is anywhere.
HOMES: dict[str, set[str] | None] = {
    "numpy": None,
    "scipy": {"runs.eval_stats", "comparison.significance", "comparison.statistics"},
    "torch": {
        "nn",
        "learn",
        "play",
        "rewards",
        "preferences",
        "prepare",
        "render",
        "sweeps.work.run_job",
        "export.sb3_zip",
    },
    "Box2D": {"envs"},
    "gymnasium": {"envs", "render", "kernels.agreement"},
    "PIL": {"film"},
    "av": {"film.mp4"},
    "typer": {"cli"},
    "rich": {"cli", "report"},
    "pydantic": {"config"},
    "pydantic_core": {"config"},
    "annotated_types": {"config"},
    "yaml": {"config"},
    "safetensors": {"storage.tensor_file"},
    "matplotlib": {"report.plots", "report.plotting"},
    "bokeh": {"html"},
    "jinja2": {"html"},
    "markupsafe": {"html"},
    "optuna": {"sweeps.choose.optuna_search"},
    "onnx": {"export.onnx_graph"},
    "stable_baselines3": {"export.sb3_zip"},
    "ray": {"sweeps.work.ray"},
}
# The names under which a library is installed where it is another (or the one that brings it along).
DISTRIBUTIONS = {
    "yaml": "pyyaml",
    "Box2D": "box2d",
    "stable_baselines3": "stable-baselines3",
    "PIL": "pillow",
    "pydantic_core": "pydantic",
    "annotated_types": "pydantic",
    "jinja2": "bokeh",
    "markupsafe": "bokeh",
}

# Heavy libraries that few commands need: the extra that brings each.
EXTRAS = {"plots": "matplotlib", "search": "optuna", "ray": "ray", "onnx": "onnx", "html": "bokeh"}
EXTRAS |= {"sb3": "stable-baselines3", "mp4": "av"}

# What answers `ppo --help`, lists runs and prints tables must not wait for torch.
LIGHT = {
    "__init__",
    "__main__",
    "cli",
    "report",
    "config",
    "runs",
    "storage",
    "metrics",
    "comparison",
    "kernels",
}


def test_every_module_has_a_layer() -> None:
    rooms = {room(module) for module in sources()}
    assert rooms - set(DEPTH) == set(), "new modules need a place in LAYERS"


def test_imports_point_downward() -> None:
    wrong = [
        f"{module}:{found.line} imports {found.target}"
        for module, imports in package_imports().items()
        for found in imports
        if found.target.startswith("ppo_cli.") and not points_down(room(module), room(found.target))
    ]
    assert wrong == []


def points_down(importer: str, target: str) -> bool:
    return importer == target or DEPTH.get(importer, -1) < DEPTH.get(target, -1)


def test_every_library_stays_in_its_home() -> None:
    wrong = [
        f"{module}:{found.line} imports {found.target}"
        for module, imports in package_imports().items()
        for found in imports
        if not at_home(found.target.split(".")[0], module)
    ]
    assert wrong == []


def at_home(library: str, module: str) -> bool:
    if library == "ppo_cli" or library in sys.stdlib_module_names:
        return True
    if library not in HOMES:
        return False
    homes = HOMES[library]
    return homes is None or any(f"{module}.".startswith(f"ppo_cli.{home}.") for home in homes)


def test_every_library_is_a_dependency() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {DISTRIBUTIONS.get(library, library) for library in HOMES}
    assert needed - names_of(project["dependencies"]) == set(EXTRAS.values())
    for extra, library in EXTRAS.items():
        assert names_of(project["optional-dependencies"][extra]) == {library}


def names_of(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w-]", line)[0].lower() for line in requirements}


@pytest.mark.parametrize(
    ("library", "rooms"),
    [
        ("torch", LIGHT | {"api", "envs", "sweeps"}),
        ("gymnasium", LIGHT),
        ("scipy", set(DEPTH)),
        ("matplotlib", set(DEPTH)),
    ],
)
def test_importing_the_light_rooms_loads_nothing_heavy(library: str, rooms: set[str]) -> None:
    heavy = {}
    for module in sources():
        loaded = loaded_by(module)
        if room(module) in rooms and library in loaded:
            heavy[module] = f"through {loaded[library]}"
    assert heavy == {}


def test_the_reader_sees_every_way_to_import() -> None:
    source = """
import torch.nn as nn
from ppo_cli import errors, __version__
from ppo_cli.envs import registry
if TYPE_CHECKING:
    from ppo_cli.learn.trainer import train
try:
    import yaml
except ImportError:
    pass
def command():
    import rich
class Holder:
    import numpy
"""
    found = imports_of(source, frozenset({"ppo_cli.errors", "ppo_cli.envs.registry"}))
    assert [(entry.target, entry.at_import) for entry in found] == [
        ("torch.nn", True),
        ("ppo_cli.errors", True),
        ("ppo_cli", True),
        ("ppo_cli.envs.registry", True),
        ("ppo_cli.learn.trainer", False),
        ("yaml", True),
        ("rich", False),
        ("numpy", True),
    ]


def test_the_arrows_refuse_what_they_should() -> None:
    assert points_down("cli", "learn")
    assert not points_down("learn", "cli")
    assert not points_down("nn", "envs"), "siblings do not import each other"
    assert at_home("torch", "ppo_cli.nn.layers") and not at_home("torch", "ppo_cli.envs.tally")
    assert at_home("optuna", "ppo_cli.sweeps.choose.optuna_search")
    assert not at_home("optuna", "ppo_cli.sweeps.choose.optuna_searching")
    assert not at_home("requests", "ppo_cli.cli.commands.train"), "a library without a home is refused"
