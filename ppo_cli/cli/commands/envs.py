"""``ppo envs``: the environments with tuned settings."""

from __future__ import annotations

from ppo_cli.cli.terminal import options
from ppo_cli.cli.terminal.output import print_json


def envs_command(json: options.Json = False) -> None:
    r"""Show the environments that have tuned settings.

    Any other Gymnasium id with a flat observation and discrete or continuous actions works too, also one of
    your own: `--env my_module:MyEnv-v0`.

    \b
    Example:
      ppo envs
    """
    from ppo_cli.envs.describe import describe_env
    from ppo_cli.envs.registry import known_envs
    from ppo_cli.report.console import stderr_console, stdout_console
    from ppo_cli.report.tables import envs_table

    envs = [describe_env(env) for env in known_envs()]
    if json:
        print_json({"envs": envs})
        return
    stdout_console().print(envs_table(envs))
    stderr_console().print("train one with `ppo train --env ID`", style="dim")
