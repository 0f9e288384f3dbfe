"""``ppo algorithms``: what each of them minimises, where it comes from, which settings are its own."""

from __future__ import annotations

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
    from ppo_cli.config.describe import describe_algorithm
    from ppo_cli.report.algorithms import algorithms_text
    from ppo_cli.report.console import stderr_console, stdout_console

    documents = [describe_algorithm(name) for name in ALGORITHMS]
    if json:
        print_json({"algorithms": documents})
        return
    stdout_console().print(algorithms_text(documents))
    stderr_console().print("compare them with `ppo sweep --env ID --param algorithm`", style="dim")
