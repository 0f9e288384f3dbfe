"""``ppo config``: the resolved or default settings, every key explained."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ppo_cli.cli.terminal import options
from ppo_cli.cli.terminal.output import print_json, write_stdout
from ppo_cli.errors import UsageError
from ppo_cli.report.text import clean

Explain = Annotated[
    bool, typer.Option("--explain", help="Explain every setting: meaning, allowed values, default.")
]
Defaults = Annotated[bool, typer.Option("--defaults", help="Print the defaults.")]

_DEFAULT_ENV = "CartPole-v1"


def config_command(
    env: options.EnvOption = None,
    config: options.ConfigFile = None,
    overrides: options.Overrides = None,
    explain: Explain = False,
    defaults: Defaults = False,
    allow_import: options.AllowImport = False,
    json: options.Json = False,
) -> None:
    r"""Print settings as YAML that loads back: those of a command line, or the defaults.

    \b
    Examples:
      ppo config --env LunarLander-v2 > my.yaml
      ppo config --explain
      ppo config --defaults
    """
    given = bool(env or config or overrides)
    if sum((given, explain, defaults)) > 1:
        raise UsageError("choose one of --explain, --defaults and settings (--env, --config, --set)")
    if explain:
        _explain(as_json=json)
    elif given:
        _resolved(env, config, overrides, allow_import=allow_import, as_json=json)
    else:
        _defaults(as_json=json)


def _resolved(env: Any, config: Any, overrides: Any, *, allow_import: bool, as_json: bool) -> None:
    from ppo_cli.config.describe import commented
    from ppo_cli.config.settings import SETTINGS
    from ppo_cli.config.values import is_used, used_settings
    from ppo_cli.prepare.resolve import resolve_settings
    from ppo_cli.report.console import stderr_console

    settings = resolve_settings(env, config, overrides or (), allow_import=allow_import)
    if as_json:
        unused = {setting.path for setting in SETTINGS if not is_used(settings.config, setting)}
        origins = {path: origin for path, origin in settings.origins.items() if path not in unused}
        config = used_settings(settings.config)
        print_json({"config": config, "origins": origins, "notices": settings.notices})
        return
    for message in settings.notices:
        stderr_console().print(clean(message), soft_wrap=True)
    write_stdout(commented(settings.config))


def _defaults(*, as_json: bool) -> None:
    from ppo_cli.config.describe import commented
    from ppo_cli.config.schema import RunConfig
    from ppo_cli.config.values import used_settings

    config = RunConfig(env_id=_DEFAULT_ENV)
    if as_json:
        print_json({"config": used_settings(config)})
    else:
        write_stdout(commented(config, "The defaults; env_id has none and stands for an example."))


def _explain(*, as_json: bool) -> None:
    from ppo_cli.config.describe import describe_setting
    from ppo_cli.config.dump import yaml_text
    from ppo_cli.config.settings import SETTINGS
    from ppo_cli.report.console import stdout_console
    from ppo_cli.report.tables import explain_table

    documents = [describe_setting(setting) for setting in SETTINGS]
    if as_json:
        print_json({"settings": documents})
        return
    in_yaml = [{**document, "default": yaml_text(document["default"])} for document in documents]
    stdout_console().print(explain_table(in_yaml))
