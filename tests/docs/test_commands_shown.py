"""Every command line in the documentation would be understood: commands, options, settings, files."""

from __future__ import annotations

import re
from typing import Any

import pytest
import typer
from helpers.pages import PAGES, ROOT, Page, words_of

from ppo_cli.cli import COMMANDS, app
from ppo_cli.config.algorithms import ALGORITHMS
from ppo_cli.config.names import find
from ppo_cli.config.preference_settings import FitSettings, SetSettings, with_overrides
from ppo_cli.config.resolve import resolve_config
from ppo_cli.envs.registry import known_envs, resolve_env_id
from ppo_cli.errors import UsageError
from ppo_cli.metrics import METRICS, TERM_PREFIX
from ppo_cli.sweeps.spec.params import parse_param

GROUP: Any = typer.main.get_command(app)
LINES = sorted({(page.name, line) for page in PAGES for block in page.blocks for line in block.commands})
KNOWN = {env.env_id for env in known_envs()}
# Options of other programs: those in benchmarks/, docs/generate.py, and an exported policy.
OTHER_OPTIONS = {"--check", "--episodes"} | {
    option
    for path in (ROOT / "benchmarks").glob("*.py")
    for option in re.findall(r'add_argument\(\s*"(--[a-z-]+)"', path.read_text(encoding="utf-8"))
}


OWN_SETTINGS: dict[str, Any] = {"prefer": SetSettings, "reward-model": FitSettings}
"""The commands whose ``--set`` are not settings of a run."""


def options_of(command: Any) -> set[str]:
    return {"--help"} | {name for param in command.params for name in (*param.opts, *param.secondary_opts)}


def values_given(line: str) -> dict[str, Any]:
    """What a command line gives, by the name of the option; refused as ``ppo`` would refuse it."""
    command, *words = words_of(line)
    context = GROUP.commands[command].make_context(command, words)
    return {name: context.params[param.name] for param in context.command.params for name in param.opts}


def objections(line: str) -> list[str]:
    """What is wrong with the values on a command line."""
    given = values_given(line)
    wrong = []
    env = given.get("--env")
    if env and ":" not in env and resolve_env_id(env).env_id not in KNOWN:
        wrong.append(f"{env} is not an environment")
    algorithm = given.get("--algorithm")
    if algorithm and algorithm not in ALGORITHMS:
        wrong.append(f"{algorithm} is not an algorithm")
    metric = given.get("--metric") or "eval/return"
    if metric not in {"eval/return", *(known.name for known in METRICS)} and TERM_PREFIX not in metric:
        wrong.append(f"{metric} is not a metric")
    try:
        for text in given.get("--param") or ():
            parse_param(text)
        overrides = list(given.get("--set") or ())
        if (command := words_of(line)[0]) in OWN_SETTINGS:
            with_overrides(OWN_SETTINGS[command], overrides)
            overrides = []
        own = {"algorithm": algorithm} if algorithm else {}
        resolve_config(env=env if env and ":" not in env else "CartPole-v1", overrides=overrides, values=own)
    except UsageError as error:
        wrong.append(str(error))
    return wrong


def test_the_documentation_shows_commands() -> None:
    assert len(LINES) > 80
    assert {words_of(line)[0] for _, line in LINES} >= set(COMMANDS)


@pytest.mark.parametrize(("page", "line"), LINES, ids=lambda text: text[:60])
def test_a_shown_command_line_is_understood(page: str, line: str) -> None:
    assert objections(line) == [], f"{page}: {line}"


def test_what_is_wrong_with_a_command_line_is_noticed() -> None:
    assert objections("ppo train --env CartPole-v1 --set eps_clip=0.3  # fine") == []
    assert objections("ppo train --env CartPole-v1 --set clip_range=0.3")
    assert objections("ppo train --env CartPole-v1 --set eps_clip=-1")
    assert objections("ppo sweep --env CartPole-v1 --param eps_clop")
    assert objections("ppo train --env CartPole-v1 --algorithm sac")
    assert objections("ppo compare a b --metric train/clipped")
    with pytest.raises(typer.TyperException):
        objections("ppo train --environment CartPole-v1")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_in_a_sentence_exist(page: Page) -> None:
    everywhere = options_of(GROUP).union(OTHER_OPTIONS, *map(options_of, GROUP.commands.values()))
    wrong = []
    for code in page.inline_code:
        words = code.split()
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        known = everywhere
        if words[:1] == ["ppo"] and len(words) > 1 and not words[1].startswith("-"):
            if words[1] not in COMMANDS:
                wrong.append(code)
                continue
            known = options_of(GROUP.commands[words[1]])
        if words[:1] in (["ppo"], ["python"]) or code.startswith("-"):
            wrong += [f"{option} in {code!r}" for option in options - known]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_in_a_sentence_exist(page: Page) -> None:
    names = [name for code in page.inline_code for name in re.findall(r"--set ([\w.]+)=", code)]
    names += [name for code in page.inline_code for name in re.findall(r"--param ([\w.]+)\b(?!:)", code)]
    assert [name for name in names if name != "NAME" and find(name) is None] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_targets_of_make_exist(page: Page) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    shown = [code for code in page.inline_code if code.startswith("make ")]
    shown += [
        line.strip() for block in page.blocks for line in block.text.splitlines() if line.startswith("make ")
    ]
    targets = {name for line in re.findall(r"(?m)^([a-z][a-z -]*):", makefile) for name in line.split()}
    assert {line.split()[1] for line in shown} - targets == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_of_the_repository_in_a_sentence_exist(page: Page) -> None:
    named = [
        code
        for code in page.inline_code
        if re.fullmatch(r"[\w-]+/[\w/.-]+\.(py|yaml)|[a-z_]+/[a-z_/]*/", code)
    ]
    named = [name for name in named if not name.startswith(("runs/", "checkpoints/")) and "NAME" not in name]
    lost = [name for name in named if not any((root / name).exists() for root in (ROOT, ROOT / "ppo_cli"))]
    assert lost == []
