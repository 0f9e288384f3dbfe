"""How ``ppo train`` follows a training: the view that fits the terminal, and the command that it records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ppo_cli.api.train import Hooks
from ppo_cli.cli.terminal.options import command_line
from ppo_cli.cli.terminal.signals import Stop
from ppo_cli.report.progress import make_view

if TYPE_CHECKING:
    from ppo_cli.learn.population import Population


def terminal_hooks(ctx: typer.Context, stop: Stop, *, quiet: bool) -> Hooks:
    """Follow a training on the terminal.

    Args:
        ctx: The command line.
        stop: Whether a signal asked for a stop.
        quiet: Whether to show no progress.
    """
    return Hooks(
        stop=stop,
        view=lambda population: make_view(title(population), quiet=quiet, stopping=stop),
        command=command_line(ctx),
    )


def title(population: Population) -> str:
    """Say what is trained, in a line."""
    members = population.members
    config = members[0].config
    about = f"{config.env_id}  {config.algorithm}"
    if len(members) > 1:
        return f"{about}  {len(members)} members"
    name = members[0].name
    return name if name.startswith(config.env_id) else f"{name}  {about}"
