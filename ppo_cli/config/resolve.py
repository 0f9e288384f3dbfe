"""From what the user gave (an environment, a file, overrides, options) to one checked config."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from ppo_cli.config.algorithms import ALGORITHMS, uses
from ppo_cli.config.assignments import Assignment, build, from_override, from_tree, from_value
from ppo_cli.config.identity import ENGINE
from ppo_cli.config.node import Node
from ppo_cli.config.problems import Origin, Problem, printable, refuse, value_text
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.sections import NOT_BETA
from ppo_cli.config.settings import SECTIONS, SETTINGS
from ppo_cli.config.shipped import PLAIN, display_name, shipped_config_dir, shipped_config_for


@dataclass(frozen=True)
class ResolvedConfig:
    """A config and where its values come from.

    Attributes:
        config: The config.
        origins: For every setting's path: ``default``, ``configs/cartpole.yaml:7``, ``--set`` or an option.
        given: What the user gave, by path, each with its place; neither defaults nor tuned files are among
            it.
        notices: What the user should be told.
    """

    config: RunConfig
    origins: dict[str, str]
    given: dict[str, Assignment] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)


def resolve_config(
    *,
    env: str | None = None,
    config_file: Path | None = None,
    settings: Node | None = None,
    overrides: Sequence[str] = (),
    values: Mapping[str, Any] | None = None,
    values_label: str | None = None,
    swept: Mapping[str, Any] | None = None,
) -> ResolvedConfig:
    """Put the settings together: defaults, a tuned file, the user's file, overrides, options.

    Nothing is imported; whether a module that they name may be is for ``envs.consent``.

    Args:
        env: The environment of the command line. Its tuned settings for the algorithm, when shipped, come
            first; the id itself wins over the one in ``config_file``.
        config_file: The user's YAML file.
        settings: Settings that stand in another file of the user's, on top of ``config_file``.
        overrides: ``NAME=VALUE`` texts.
        values: Typed values by name or path, such as ``{"seed": 7}``; they win over all of these.
        values_label: What messages call the place of ``values``; by default each is its option, ``--seed``.
        swept: Values of a point of a sweep, by name or path, which win over everything.

    Raises:
        UsageError: Something is unknown, not allowed, or missing.
    """
    notices: list[str] = []
    layers: list[Assignment] = []
    if config_file is not None:
        layers += from_tree(_read(config_file))
    if settings is not None:
        layers += from_tree(settings)
    if env is not None:
        layers.append(_typed_env(env, config_file, layers, notices))
    layers += [from_override(text) for text in overrides]
    place = Origin(values_label) if values_label else None
    layers += [from_value(name, value, place) for name, value in (values or {}).items()]
    layers += [from_value(name, value, Origin("--param")) for name, value in (swept or {}).items()]
    if not any(layer.target.path == "env_id" for layer in layers):
        _refuse_missing_env(config_file)
    given = {layer.target.path: layer for layer in layers}
    if env is not None:
        layers = [*_tuned(env, layers, notices), *layers]
    return ResolvedConfig(build({}, layers), _origins(layers), given, notices)


def load_config(path: Path) -> RunConfig:
    """The config of a run: its ``config.yaml``, without any other layer.

    A file that names no engine is older than the choice: torch computed its run. Nothing is imported; who
    runs a loaded config asks ``envs.consent`` first.

    Raises:
        UsageError: The file cannot be read, or is wrong.
    """
    layers = from_tree(_read(path))
    given = {layer.target.path for layer in layers}
    if "env_id" not in given:
        _refuse_missing_env(path)
    config = build({}, layers)
    return config if ENGINE in given else with_values(config, {ENGINE: "torch"})


def with_values(config: RunConfig, values: Mapping[str, Any]) -> RunConfig:
    """A copy of a config in which some settings have other values.

    Args:
        config: The config; it does not change.
        values: Typed values by leaf name or path.

    Raises:
        UsageError: A name is unknown, or a value is not allowed.
    """
    layers = [from_value(name, value, Origin("settings")) for name, value in values.items()]
    return build(config.model_dump(), layers)


def check_value(name: str, node: Node) -> Any:
    """The value that a setting would hold: of its type, in its range. Other settings are not looked at.

    Args:
        name: Leaf name or path.
        node: The value and its place, for the error.

    Raises:
        UsageError: The name is unknown, or the value is not allowed.
    """
    assignment = from_value(name, node.plain(), node.origin)
    setting, key = assignment.target.setting, assignment.target.key
    required = {} if setting.section else {"env_id": "CartPole-v1"}
    value = node.plain() if key is None else {key: node.plain()}
    try:
        checked = SECTIONS[setting.section].model_validate({**required, setting.name: value})
    except ValidationError:
        build({"env_id": "CartPole-v1"}, [assignment])  # says what is wrong in our words
        raise
    valid = getattr(checked, setting.name)
    return valid if key is None else valid[key]


def _read(path: Path) -> Node:
    from ppo_cli.config.yaml_file import read_yaml  # PyYAML takes 17 ms that most commands can save

    shipped = shipped_config_dir() / path.name
    hint = f"the shipped file of that name is {shipped}" if os.path.isfile(shipped) else None
    return read_yaml(path, missing_hint=hint)


def _tuned(env: str, layers: Sequence[Assignment], notices: list[str]) -> list[Assignment]:
    """The tuned settings for the environment and the algorithm of ``layers``, or what comes near to them."""
    from ppo_cli.config.yaml_file import read_yaml

    chosen = {layer.target.path: layer.node.value for layer in layers}
    algorithm = chosen.get("algorithm", PLAIN)
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        return []  # it will be refused
    own = shipped_config_for(env, algorithm)
    path = own or shipped_config_for(env)
    if path is None:
        notices.append(f"no tuned settings for {printable(env)}; using the defaults")
        return []
    if own is None:
        text = f"no tuned settings for {algorithm} on {printable(env)}; using those of {PLAIN}"
        notices.append(f"{text} where they apply")
    left_out = NOT_BETA if chosen.get("network.policy") == "beta" else ()
    names = {setting.name for setting in SETTINGS if uses(algorithm, setting.name)}.difference(left_out)
    tuned = from_tree(read_yaml(path, display_name(path)))
    return [assignment for assignment in tuned if assignment.target.setting.name in names]


def _typed_env(
    env: str, config_file: Path | None, layers: Sequence[Assignment], notices: list[str]
) -> Assignment:
    """The environment of the command line, with a word when it replaces the one in the user's file."""
    for layer in layers:
        node = layer.node
        if layer.target.path == "env_id" and node.origin.file == str(config_file) and node.value != env:
            notices.append(f"--env {printable(env)} replaces {value_text(node.value)} of {node.origin.short}")
    return from_value("env_id", env, Origin("--env"))


def _refuse_missing_env(path: Path | None) -> NoReturn:
    if path is None:
        hint = "--env CartPole-v1, or --config FILE; `ppo envs` lists the environments"
        refuse([Problem(Origin("settings"), "env_id", "no environment given", hint)])
    origin = Origin(printable(str(path)), str(path))
    refuse([Problem(origin, "env_id", "missing", "add a line such as `env_id: CartPole-v1`")])


def _origins(layers: Sequence[Assignment]) -> dict[str, str]:
    origins = {setting.path: "default" for setting in SETTINGS}
    for layer in layers:
        origins[layer.target.path] = layer.name_origin.short
    return origins
