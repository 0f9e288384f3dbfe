"""The settings of preference sets and of reward models: names, types, ranges, a line of explanation each.

They are not settings of a run. A set keeps its own in ``preferences.yaml``, a fit its own in ``report.json``;
``ppo prefer --set`` and ``ppo reward-model --set`` change them.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeVar

from pydantic import BeforeValidator, Field, ValidationError

from ppo_cli.config.choices import MAX_SEED
from ppo_cli.config.dump import yaml_text
from ppo_cli.config.marks import ENV_ID_PATTERN, HiddenSize, Int, Name, PlainData, as_tuple
from ppo_cli.config.node import Node, located
from ppo_cli.config.problems import Origin, Problem, refuse, value_text
from ppo_cli.config.sections import Section

SYNTHETIC = "synthetic"
OWN_REWARD = "own"
"""The reward by which a synthetic teacher judges that is the environment's own."""


class TeacherSettings(Section):
    """How a synthetic teacher answers (Lee et al. 2021, B-Pref)."""

    reward: Annotated[str, Field(min_length=1, max_length=300)] = OWN_REWARD
    """What the teacher judges by: own, the name of a goal, or "module:function"."""
    mistake: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Share of the answers in which it takes the worse clip for the better one."""
    rationality: Annotated[float, Field(gt=0, le=1e6)] | None = None
    """Steepness of a chance to prefer the better clip, per spread of returns; null always prefers it."""
    discount: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Weight of a step against the next one: below 1 it looks at the end of a clip more than at its start."""
    skip: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """It cannot tell when both clips are worse than this share of clips."""
    equal: Annotated[float, Field(ge=0, le=100)] = 0.0
    """It calls clips equal whose returns differ by less than this, in spreads of returns."""


class ClipSettings(Section):
    """What is compared."""

    length: Annotated[Int, Field(ge=1, le=10_000)] | None = None
    """Steps of a clip; null takes 25 for CartPole, 100 for LunarLander, and 50 elsewhere."""
    same_start: bool = False
    """Both clips of a pair begin in one state: one start and one prefix of actions, then they part."""
    at_end: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the pairs whose clip is the end of an episode; the others lie anywhere in it."""
    repeat: Annotated[Int, Field(ge=0, le=1000)] = 20
    """Each pair of this number is one that was asked before, with sides swapped; 0 never asks again."""


class SetSettings(TeacherSettings, ClipSettings):
    """What ``--set`` of ``ppo prefer`` knows."""


class PreferenceSettings(Section):
    """``preferences.yaml``: what a preference set is about."""

    env_id: Annotated[str, Field(pattern=ENV_ID_PATTERN)]
    """The environment whose episodes are compared."""
    env_kwargs: Annotated[dict[Name, PlainData], Field(max_length=64)] = Field(default_factory=dict)
    """Arguments of the environment."""
    question: Annotated[str, Field(min_length=1, max_length=300)] = "Which clip is better?"
    """What was asked."""
    teacher: Annotated[str, Field(min_length=1, max_length=100)] = SYNTHETIC
    """Who answers."""
    seed: Annotated[Int, Field(ge=0, le=MAX_SEED)] = 1
    """Every random number of the set follows from it."""
    length: Annotated[Int, Field(ge=1, le=10_000)] = 50
    """Steps of a clip."""
    same_start: bool = False
    """Whether both clips of a pair begin in one state."""
    at_end: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the pairs whose clip is the end of an episode."""
    repeat: Annotated[Int, Field(ge=0, le=1000)] = 20
    """Each pair of this number is one that was asked before, with sides swapped."""
    answers_by: TeacherSettings = Field(default_factory=TeacherSettings)
    """How a synthetic teacher answers."""


class FitSettings(Section):
    """How a reward model is fitted to comparisons."""

    network: Literal["mlp", "transformer"] = "mlp"
    """A reward for each step by itself, or one that has seen the steps before it."""
    hidden_sizes: Annotated[
        tuple[HiddenSize, ...], BeforeValidator(as_tuple), Field(min_length=1, max_length=4)
    ] = (32, 32)
    """Units of each hidden layer of the mlp."""
    activation: Literal["relu", "tanh"] = "tanh"
    """Nonlinearity of the mlp."""
    potential: bool | None = None
    """Add phi(next state) - phi(state), a second network, to the mlp's rewards; null: for LunarLander."""
    loudness: Annotated[float, Field(ge=0, le=1)] = 0.1
    """How loudly it hears the action and the change that came of it, against the state that they led to."""
    width: Annotated[Int, Field(ge=4, le=256)] = 32
    """Numbers that the transformer keeps of a step; a multiple of 4."""
    layers: Annotated[Int, Field(ge=1, le=4)] = 1
    """Layers of the transformer."""
    members: Annotated[Int, Field(ge=2, le=16)] = 5
    """Networks of the ensemble; each learns from all episodes but its own share, by which it is judged."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 2e-3
    """Adam's step size."""
    weight_decay: Annotated[float, Field(ge=0, le=1000)] = 15.0
    """Shrinks the weights (not the biases) by this times the step size, at each step (AdamW)."""
    batch_pairs: Annotated[Int, Field(ge=1, le=4096)] = 32
    """Pairs of a minibatch."""
    max_epochs: Annotated[Int, Field(ge=1, le=10_000)] = 100
    """Passes over the pairs at most."""
    patience: Annotated[Int, Field(ge=1, le=10_000)] = 15
    """Passes without a better loss on the held-out episodes after which a member stops."""
    noise_floor: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the answers that are taken to be made blindly (Christiano et al. 2017)."""
    margin: Annotated[float, Field(ge=0, le=100)] = 0.0
    """By how much the better clip has to be better."""
    centring: Annotated[float, Field(ge=0, le=100)] = 0.01
    """Weight of the square of both clips' reward per step, which keeps rewards about 0."""
    max_grad_norm: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    """The gradient of one member is scaled down to this norm when it is longer."""


Settings = TypeVar("Settings", bound=Section)


Given = Sequence[str] | Mapping[str, Any]
"""Settings as ``NAME=VALUE`` texts, or by name."""


def by_name(given: Given, label: str = "settings") -> dict[str, Any]:
    """Settings by name: values, or the texts that say them.

    Args:
        given: What was given.
        label: What messages call its place, ``--set`` on the command line.

    Raises:
        UsageError: A text is not of the form NAME=VALUE.
    """
    if isinstance(given, Mapping):
        return dict(given)
    values: dict[str, Any] = {}
    for text in given:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not value:
            wrong = f"{value_text(text)} is not of the form NAME=VALUE"
            refuse([Problem(Origin(label), None, wrong, "write it as in members=3")])
        values[name] = value
    return values


def with_overrides(
    kind: type[Settings], given: Given, base: Settings | None = None, label: str = "settings"
) -> Settings:
    """Settings on top of others, by default of the defaults; a text is read as YAML.

    Args:
        kind: What they are settings of.
        given: Those that are not as in ``base``.
        base: The others; None for the defaults.
        label: What messages call the place of what was given, ``--set`` on the command line.

    Raises:
        UsageError: A name is unknown or a value not allowed.
    """
    from ppo_cli.config.yaml_file import parse_yaml

    values: dict[str, Node] = {}
    place = Origin(label)
    for name, value in by_name(given, label).items():
        _refuse_unknown(kind, name, place)
        node = parse_yaml(value, place, name) if isinstance(value, str) else located(value, place)
        if isinstance(kind.model_fields[name].default, tuple) and not isinstance(node.value, list):
            parts = str(node.value).split(",")
            node = located([int(part) if part.strip().isdigit() else part for part in parts], place)
        values[name] = node
    return _validated(kind, {} if base is None else base.model_dump(), values)


def read_preferences(path: Path) -> PreferenceSettings:
    """The settings of a preference set from its ``preferences.yaml``.

    Raises:
        UsageError: The file cannot be read, or is wrong; the message names the line.
    """
    from ppo_cli.config.yaml_file import read_yaml

    root = read_yaml(path)
    if not isinstance(root.value, dict):
        refuse([Problem(root.origin, None, "no settings found", "write them as `name: value`, one a line")])
    for name, place in root.names.items():
        _refuse_unknown(PreferenceSettings, name, place)
    return _validated(PreferenceSettings, {}, root.value)


def preferences_text(settings: PreferenceSettings) -> str:
    """``preferences.yaml``, with a line of explanation above each name."""
    lines = ["# A preference set: episodes, and which clips of them are better. `ppo show` says more."]
    for name, value in settings.model_dump().items():
        lines += [f"# {explanations(PreferenceSettings)[name]}"]
        if isinstance(value, Mapping) and name != "env_kwargs":
            lines += [f"{name}:", *(f"  {inner}: {yaml_text(item)}" for inner, item in value.items())]
        else:
            lines.append(f"{name}: {yaml_text(value)}")
    return "\n".join(lines) + "\n"


def explanations(kind: type[Section]) -> dict[str, str]:
    """The line below each setting of a class, by name; those of its bases first."""
    tree = ast.parse(inspect.getsource(sys.modules[__name__]))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    texts: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        for field, below in pairwise(classes[base.__name__].body if base.__name__ in classes else []):
            if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
                texts[ast.unparse(field.target)] = str(ast.literal_eval(below.value))
    return texts


def _refuse_unknown(kind: type[Section], name: str, origin: Origin) -> None:
    if name not in kind.model_fields:
        near = get_close_matches(name, kind.model_fields, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(kind.model_fields)}"
        refuse([Problem(origin, name, "unknown setting", hint)])


def _validated(kind: type[Settings], base: Mapping[str, Any], values: Mapping[str, Node]) -> Settings:
    try:
        return kind.model_validate({**base, **{name: node.plain() for name, node in values.items()}})
    except ValidationError as error:
        _refuse_invalid(error.errors(include_url=False, include_input=False)[0], values)


def _refuse_invalid(detail: Any, values: Mapping[str, Node]) -> NoReturn:
    steps = [step for step in detail["loc"] if isinstance(step, str | int)]
    name = ".".join(map(str, steps[:2] if steps[0] in ("answers_by", "env_kwargs") else steps[:1]))
    node = values.get(str(steps[0]))
    origin = Origin("settings") if node is None else node.at(steps[1:]).origin
    shown = "missing" if node is None else f"{value_text(node.at(steps[1:]).plain())} is not allowed"
    refuse([Problem(origin, name, shown, detail["msg"].lower())])
