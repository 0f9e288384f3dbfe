"""Tables made from the code: what is registered there appears in the documentation by itself."""

from __future__ import annotations

import inspect
import re
import signal
from collections.abc import Iterator
from dataclasses import is_dataclass
from functools import cached_property
from itertools import compress
from pathlib import Path
from typing import Any

import typer
from common import number, table

import ppo_cli
from ppo_cli import errors
from ppo_cli.cli import COMMANDS, app
from ppo_cli.config.algorithms import ALGORITHMS, users_of
from ppo_cli.config.names import AMBIGUOUS, FOREIGN
from ppo_cli.config.settings import BY_NAME, SECTIONS, SETTINGS, Setting
from ppo_cli.config.shipped import shipped_config_dir
from ppo_cli.config.yaml_file import read_yaml
from ppo_cli.envs.registry import known_envs
from ppo_cli.envs.terms import TERMS
from ppo_cli.metrics import METRICS, TERM_PREFIX, WINDOW

Row = tuple[str, ...]

# ---------------------------------------------------------------------- algorithms


def algorithms() -> str:
    """Every algorithm in a line, with its paper."""
    rows = [
        (f"[`{name}`](#{name})", _in_cell(facts.summary), _in_cell(facts.paper))
        for name, facts in ALGORITHMS.items()
    ]
    return table(("algorithm", "in a line", "paper"), rows)


def algorithm_facts() -> str:
    """A section for each algorithm: what it is, and what only some algorithms have."""
    return "\n\n".join(_algorithm(name) for name in ALGORITHMS)


def _algorithm(name: str) -> str:
    facts = ALGORITHMS[name]
    logged = [metric.name for metric in METRICS if metric.only and name in metric.only]
    folder = shipped_config_dir() / ("" if name == "ppo-clip" else name)
    tuned = [_link(path) for path in sorted(folder.glob("*.yaml"))]
    lines = [
        f"### {name}",
        "",
        f"{facts.summary[0].upper()}{facts.summary[1:]}.",
        "",
        f"    L = {facts.formula}",
        "",
        f"* Source: {facts.paper}.",
        f"* Learns from: {'whole episodes' if facts.whole_episodes else 'a fixed number of steps'}.",
        f"* Settings that not every algorithm has: {_listed(facts.settings)}.",
        f"* Metrics that not every algorithm logs: {_listed(logged)}.",
        f"* Tuned files: {', '.join(tuned) or 'none yet; those of ppo-clip stand in'}.",
    ]
    return "\n".join(lines)


# ---------------------------------------------------------------------- settings and metrics


def settings() -> str:
    """Every setting, by section."""
    parts = []
    for section in SECTIONS:
        own = [setting for setting in SETTINGS if setting.section == section]
        title = f"## {section}" if section else "## The top level"
        header = ("setting", "default", "allowed", "standard grid", "per member", "only of", "meaning")
        parts += [title, table(*_without_empty_columns(header, [_setting(setting) for setting in own]))]
    return "\n\n".join(parts)


def _setting(setting: Setting) -> tuple[str, ...]:
    users = users_of(setting.name)
    return (
        f"`{setting.name}`",
        f"`{_plain(setting.default)}`",
        setting.expected.replace(">=", "≥").replace("<=", "≤"),
        f"`{', '.join(map(_grid_value, setting.grid))}`" if setting.grid else "",
        "yes" if setting.per_member else "",
        "" if users == tuple(ALGORITHMS) else ", ".join(users),
        setting.help,
    )


def _without_empty_columns(header: Row, rows: list[Row]) -> tuple[Row, list[Row]]:
    full = [any(column) for column in zip(*rows, strict=True)]
    kept, *others = (tuple(compress(row, full)) for row in (header, *rows))
    return kept, others


def _grid_value(value: object) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else _plain(value)


def foreign_names() -> str:
    """What other libraries call our settings."""
    names = [
        (f"`{ours}`", ", ".join(f"`{name}`" for name in FOREIGN[ours].split()))
        for ours in BY_NAME
        if ours in FOREIGN
    ]
    several = [(f"`{name}`", f"{text[0].upper()}{text[1:]}") for name, text in AMBIGUOUS.items()]
    return (
        f"{table(('here', 'elsewhere'), names)}\n\nThese mean different things in different libraries:\n\n"
        f"{table(('elsewhere', 'what ppo says'), several)}"
    )


def metrics() -> str:
    """Every column of ``metrics.csv``."""
    rows = [(f"`{metric.name}`", ", ".join(metric.only), _in_cell(metric.meaning)) for metric in METRICS]
    terms = f"mean per step of each shaping term, last {WINDOW} training episodes"
    rows.append((f"`{TERM_PREFIX}<term>`", "", terms))
    return table(("metric", "only of", "meaning"), rows)


# ---------------------------------------------------------------------- commands


def commands() -> str:
    """Every command with the first line of its help."""
    rows = [
        (f"[`ppo {name}`](#ppo-{name})", (command.__doc__ or "").partition("\n")[0])
        for name, command in COMMANDS.items()
    ]
    return table(("command", "does"), rows)


def command_options() -> str:
    """A section for each command: its help, its arguments and options."""
    group = typer.main.get_command(app)
    return "\n\n".join(_command(name, group.commands[name]) for name in COMMANDS)  # type: ignore[attr-defined]


def _command(name: str, command: Any) -> str:
    text = inspect.cleandoc(COMMANDS[name].__doc__ or "").replace("\\b\n", "")
    prose, examples = re.split(r"\n\nExamples?:\n", text)
    lines = [line.strip() for line in examples.partition("\n\n")[0].splitlines()]
    context = command.make_context(name, [], resilient_parsing=True)
    records = (param.get_help_record(context) for param in command.params)
    rows = [
        (f"`{_in_cell(left)}`", _in_cell(" ".join(right.split()))) for left, right in filter(None, records)
    ]
    parts = [f"### ppo {name}", _literal(prose), "\n".join(f"    {line}" for line in lines)]
    return "\n\n".join([*parts, table(("argument or option", "meaning"), rows)])


def _literal(prose: str) -> str:
    """Help text as Markdown: indented lines become a block of code."""
    return re.sub(r"(?m)^  (?=\S)", "    ", prose)


def exit_codes() -> str:
    """Every exit code and what it means."""
    kinds = [
        kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.PpoError)
    ]
    meanings = {kind.exit_code: (kind.__doc__ or "").partition("\n")[0] for kind in kinds}
    meanings |= {0: "Done.", errors.PpoError.exit_code: "A bug of ours."}
    for name in ("SIGHUP", "SIGINT", "SIGTERM"):
        meanings[128 + getattr(signal, name)] = f"Stopped by {name}, after a checkpoint was saved."
    return table(("exit code", "meaning"), [(str(code), meanings[code]) for code in sorted(meanings)])


def python_api() -> str:
    """What the package offers to Python, with signatures."""
    names = [name for name in ppo_cli.__all__ if not name.startswith("_")]
    return "\n\n".join(_offered(name, getattr(ppo_cli, name)) for name in names)


def _offered(name: str, thing: Any) -> str:
    """A function with its signature and docstring; a class with what it has."""
    text = _as_markdown(thing)
    if not inspect.isclass(thing):
        return f"## {name}\n\n    {name}{_signature(thing)}\n\n{text}"
    members = [
        f"* `{member}{_signature(value) if callable(value) else ''}`: {_as_markdown(value).splitlines()[0]}"
        for member, value in inspect.getmembers(thing)
        if not member.startswith("_") and (callable(value) or isinstance(value, property | cached_property))
    ]
    about, attributes = text.partition("*Args*")[0].partition("*Attributes*\n\n")[::2]
    return f"## {name}\n\n{about}" + "\n".join([*attributes.splitlines(), *members])


class _AsItIs(str):
    """A text that is printed without quotes."""

    __repr__ = str.__str__


def _signature(function: Any) -> str:
    """A signature as it is written, with the name of an object that is a default."""
    shown = []
    signature = inspect.signature(function)
    for param in signature.parameters.values():
        if is_dataclass(param.default):
            param = param.replace(default=_AsItIs(f"{type(param.default).__name__}()"))
        elif inspect.isfunction(param.default):
            param = param.replace(default=_AsItIs("..."))
        shown.append(param.replace(annotation=_AsItIs(param.annotation)))
    shown = [param for param in shown if param.name != "self"]
    returns = _AsItIs(signature.return_annotation)
    return str(signature.replace(parameters=shown, return_annotation=returns))


def _as_markdown(thing: Any) -> str:
    text = inspect.cleandoc(thing.__doc__ or "").replace("``", "`")
    text = re.sub(r"(?m)^(\w+):$", r"*\1*\n", text)
    text = re.sub(r"\n {8}(?=\S)", " ", text)
    return re.sub(r"(?m)^ {4}(\*{0,2}\w[\w, ]*): ", r"* `\1`: ", text)


# ---------------------------------------------------------------------- environments and shipped files


def environments() -> str:
    """The environments that ppo is tuned for."""
    rows = [
        (
            f"`{env.env_id}`",
            env.task,
            "–" if env.reward_threshold is None else number(env.reward_threshold),
            "–" if env.max_episode_steps is None else number(env.max_episode_steps),
        )
        for env in known_envs()
    ]
    return table(("environment", "task", "counts as solved", "time limit"), rows)


def shipped_files() -> str:
    """Every YAML file under ``configs/``, with what its header says."""
    tuned, others = [], []
    for path, header in _headers():
        content = read_yaml(path).plain()
        link = _link(path)
        if "env_id" in content:
            algorithm = content.get("algorithm", "ppo-clip")
            result = re.sub(
                r" \(95 % interval (.*?) over .*\)$", r" (\1)", _after("Expected return: ", header)
            )
            time = _after("Expected time: ", header)
            tuned.append((link, f"`{content['env_id']}`", f"`{algorithm}`", result.replace("-", "−"), time))
        else:
            others.append((link, re.sub(r"[^.?]*:$", "", header.partition("  ppo ")[0].strip()).strip()))
    return (
        f"{table(('file', 'environment', 'algorithm', 'expected return', 'expected time'), tuned)}\n\n"
        f"{table(('file', 'what it is'), others)}"
    )


def _headers() -> Iterator[tuple[Path, str]]:
    """Every shipped file with the comment at its beginning, in one line."""
    for path in sorted(shipped_config_dir().rglob("*.yaml"), key=lambda path: (len(path.parts), path)):
        lines = path.read_text(encoding="utf-8").splitlines()
        yield path, " ".join(line.removeprefix("# ").removeprefix("#") for line in lines if line[:1] == "#")


def _after(words: str, header: str) -> str:
    return header.partition(words)[2].partition(". ")[0].removesuffix(".")


def shaping_terms() -> str:
    """The shaping terms of every environment that has some."""
    rows = []
    for (family, kind), terms in TERMS.items():
        rows.append(
            (
                f"{family}, {'choices' if kind == 'discrete' else 'continuous actions'}",
                _listed(terms.state_names),
                _first_line(terms.state),
                _listed(terms.action_names),
                _first_line(terms.transition) if terms.action_names else "",
            )
        )
    return table(
        ("environment", "terms of the state", "in this order", "terms of the action", "that is"), rows
    )


# ---------------------------------------------------------------------- small things


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _first_line(function: Any) -> str:
    return _in_cell((function.__doc__ or "").partition("\n")[0].removesuffix("."))


def _link(path: Path) -> str:
    """A shipped file as a link from the root of the repository, which the page makes its own."""
    place = path.relative_to(shipped_config_dir())
    return f"[{place}](configs/{place})"


def _in_cell(text: str) -> str:
    return text.replace("|", "\\|")


def _plain(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return f"{value:_}"
    return str(list(value)) if isinstance(value, tuple) else str(value)


TABLES = {
    table.__name__: table
    for table in (
        algorithms, algorithm_facts, settings, foreign_names, metrics, commands,
        command_options, exit_codes, python_api, environments, shipped_files, shaping_terms,
    )
}  # fmt: skip
"""The tables by the names that pages know them by."""
