"""Writing a config as YAML that loads back equal, here and in any other YAML reader."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ppo_cli.config.problems import printable
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.settings import SECTIONS, SETTINGS
from ppo_cli.config.values import used_settings

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_NOT_PLAIN = ("true", "false", "null", "on", "off", "yes", "no", "y", "n")


def dump_config(config: RunConfig, header: str = "", comments: Mapping[str, str] | None = None) -> str:
    """The settings that a config uses as YAML text; ``load_config`` of it gives an equal config.

    Args:
        config: The config.
        header: Comment lines for the top.
        comments: For a setting's path, a comment to write above it.
    """
    lines = [*_comment(header, "")]
    data = used_settings(config)
    for section in SECTIONS:
        indent = "  " if section else ""
        if section:
            lines += ["", f"{section}:"]
        used = data[section] if section else data
        for setting in SETTINGS:
            if setting.section != section or setting.name not in used:
                continue
            value = used[setting.name]
            lines += _comment((comments or {}).get(setting.path, ""), indent)
            lines.append(f"{indent}{setting.name}: {yaml_text(value)}")
    return "\n".join(lines) + "\n"


def yaml_text(value: Any) -> str:
    """A value as YAML on one line.

    >>> yaml_text((64, 64)), yaml_text(1e-05), yaml_text({"wind": True}), yaml_text(None), yaml_text("off")
    ('[64, 64]', '1.0e-05', '{wind: true}', 'null', '"off"')
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        mantissa, e, exponent = repr(float(value)).partition("e")
        return f"{mantissa}.0e{exponent}" if e and "." not in mantissa else f"{mantissa}{e}{exponent}"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{yaml_text(name)}: {yaml_text(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(yaml_text(item) for item in value) + "]"
    return _text(str(value))


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_PLAIN:
        return text
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    return char if char.isascii() and char.isprintable() else f"\\U{ord(char):08X}"


def _comment(text: str, indent: str) -> list[str]:
    return [f"{indent}# {printable(line, limit=4_000)}".rstrip() for line in text.splitlines()]
