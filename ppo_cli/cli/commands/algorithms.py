"""``ppo algorithms``: what each of them minimises, where it comes from, which settings are its own."""

from __future__ import annotations

from typing import Any

from ppo_cli.cli.terminal import options
from ppo_cli.cli.terminal.output import print_json


def algorithms_command(json: options.Json = False) -> None:
    r"""Explain the algorithms: formula, paper, and the settings that not all of them use.

    \b
    Examples:
      ppo algorithms
      ppo train --env CartPole-v1 --algorithm grpo
      ppo sweep --env CartPole-v1 --param algorithm
    """
    from ppo_cli.config.algorithms import ALGORITHMS
    from ppo_cli.report.algorithms import algorithms_text
    from ppo_cli.report.console import stderr_console, stdout_console

    documents = [describe_algorithm(name) for name in ALGORITHMS]
    if json:
        print_json({"algorithms": documents})
        return
    stdout_console().print(algorithms_text(documents))
    stderr_console().print("compare them with `ppo sweep --env ID --param algorithm`", style="dim")


def describe_algorithm(name: str) -> dict[str, Any]:
    """An algorithm's document."""
    from ppo_cli.config.algorithms import ALGORITHMS
    from ppo_cli.config.settings import SETTINGS

    facts = ALGORITHMS[name]
    own = [setting for setting in SETTINGS if setting.name in facts.settings]
    return {
        "name": name,
        "summary": facts.summary,
        "formula": facts.formula,
        "paper": facts.paper,
        "whole_episodes": facts.whole_episodes,
        "settings": [
            {"name": setting.name, "default": setting.default, "help": setting.help} for setting in own
        ],
    }
