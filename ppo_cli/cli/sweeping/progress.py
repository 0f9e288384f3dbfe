"""How ``ppo sweep`` follows a sweep: the view that fits the terminal, and what it says before it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ppo_cli.cli.terminal.options import command_line
from ppo_cli.cli.terminal.signals import Stop
from ppo_cli.report.console import stderr_console
from ppo_cli.report.numbers import count, duration, size
from ppo_cli.report.sweep_view import make_sweep_view
from ppo_cli.report.text import clean

if TYPE_CHECKING:
    from ppo_cli.api.sweep import Hooks
    from ppo_cli.sweeps.plan.plan import Plan
    from ppo_cli.sweeps.spec.sweep_spec import SweepSpec


def terminal_hooks(ctx: typer.Context, stop: Stop, *, quiet: bool) -> Hooks:
    """Follow a sweep on the terminal.

    Args:
        ctx: The command line.
        stop: Whether a signal asked for a stop.
        quiet: Whether to show no progress, and to measure nothing.
    """
    from ppo_cli.api.sweep import Hooks

    return Hooks(
        stop=stop,
        view=lambda spec: make_sweep_view(title(spec), quiet=quiet, stopping=stop),
        plan=None if quiet else show_plan,
        command=command_line(ctx),
    )


def show_plan(plan: Plan) -> None:
    """Say what a sweep will take."""
    stderr_console().print(clean(plan_text(plan)), soft_wrap=True)


def title(spec: SweepSpec) -> str:
    """Say what is swept, in a line."""
    env = spec.base.env_id if len(spec.env_ids) == 1 else f"{len(spec.env_ids)} environments"
    names = ", ".join(param.name for param in spec.params)
    kind = "" if spec.search == "grid" else f" ({spec.search} search)"
    return f"{env}  {names}{kind}: {spec.num_points} points × {spec.num_seeds} seeds"


def plan_text(plan: Plan) -> str:
    """Say what a sweep will take, in a line."""
    spec, estimate = plan.spec, plan.estimate
    sizes = sorted(set(plan.sizes)) or [0]
    members = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    populations = f"{len(plan.sizes)} population{'s' if len(plan.sizes) > 1 else ''} of {members}"
    time = f", about {duration(estimate.seconds)}" if estimate.seconds is not None else ""
    return (
        f"{spec.num_points} points × {spec.num_seeds} seeds, "
        f"{sum(plan.sizes)} runs to train in {populations}, {count(estimate.steps)} steps{time}, "
        f"at most {size(estimate.memory)} of memory, about {size(estimate.disk)} of disk"
    )
