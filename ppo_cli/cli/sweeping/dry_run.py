"""``ppo sweep --dry-run``: the plan of a sweep, in words or as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppo_cli.cli.sweeping.progress import plan_text
from ppo_cli.cli.terminal.output import print_json
from ppo_cli.report.console import stderr_console
from ppo_cli.report.text import clean

if TYPE_CHECKING:
    from ppo_cli.sweeps.plan.plan import Plan

_SHOWN_POINTS = 12


def show_dry_run(plan: Plan, *, as_json: bool) -> None:
    """Print what a sweep would train and take."""
    if as_json:
        print_json(plan.to_json())
        return
    from ppo_cli.sweeps.choose.next_points import num_points_known

    console = stderr_console()
    for message in plan.notices:
        console.print(clean(message), soft_wrap=True)
    points = plan.spec.points()
    shown = points[: min(_SHOWN_POINTS, num_points_known(plan.spec))]
    for point in shown:
        console.print(f"  {clean(point.text)}", soft_wrap=True)
    if more := len(points) - len(shown):
        console.print(f"  and {more} more points")
    console.print(f"dry run: {plan_text(plan)}", soft_wrap=True)
