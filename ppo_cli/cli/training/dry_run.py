"""``ppo train --dry-run``: the settings and the plan, in words or as a document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppo_cli.cli.terminal.output import print_json, write_stdout
from ppo_cli.config.dump import dump_config
from ppo_cli.config.values import used_settings
from ppo_cli.prepare.resolve import ResolvedSettings
from ppo_cli.report.console import stderr_console
from ppo_cli.report.numbers import count, size
from ppo_cli.report.text import clean


def show_plan(settings: ResolvedSettings, plan: Mapping[str, Any], *, as_json: bool) -> None:
    """Print the resolved settings (stdout) and what the training would take (stderr)."""
    if as_json:
        print_json({**plan, "config": used_settings(settings.config), "notices": settings.notices})
        return
    console = stderr_console()
    for message in settings.notices:
        console.print(clean(message), soft_wrap=True)
    each = f"{count(plan['total_timesteps'])} steps in {count(plan['iterations'])} iterations each"
    console.print(
        f"dry run: {plan['num_runs']} run(s), {each}, about {size(plan['disk_bytes'])} of disk",
        soft_wrap=True,
    )
    for run in plan["runs"]:
        console.print(f"  {clean(run)}", soft_wrap=True)
    write_stdout(dump_config(settings.config))
