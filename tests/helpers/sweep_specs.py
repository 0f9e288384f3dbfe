"""What sweeps study, made from few words; and refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from ppo_cli.config.schema import RunConfig
from ppo_cli.errors import UsageError
from ppo_cli.sweeps.spec.make_spec import make_spec
from ppo_cli.sweeps.spec.params import parse_param
from ppo_cli.sweeps.spec.request import Design, SweepRequest
from ppo_cli.sweeps.spec.sweep_spec import SweepSpec

CARTPOLE = RunConfig(env_id="CartPole-v1")


def spec_of(*texts: str, base: RunConfig = CARTPOLE, **values: Any) -> SweepSpec:
    """A sweep over ``--param`` texts."""
    return SweepSpec((base,), base.env_id, tuple(map(parse_param, texts)), **values)


def spec_from(**options: Any) -> tuple[SweepSpec, tuple[str, ...]]:
    """The sweep that options ask for, and its notices; what belongs to the design is given by name too."""
    names = {field.name for field in fields(Design)}
    design = Design(**{name: value for name, value in options.items() if name in names})
    others = {name: value for name, value in options.items() if name not in names}
    return make_spec(SweepRequest(**others, design=design))


def write(folder: Path, text: str, name: str = "my.yaml") -> Path:
    """A file with a text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refused(call: Callable[[], object], message: str, hint: str | None = None) -> UsageError:
    """The error that a call ends in; it has the message, and the hint if one is given."""
    with pytest.raises(UsageError) as caught:
        call()
    assert message in caught.value.message
    assert caught.value.hint is None or caught.value.hint
    assert hint is None or hint in str(caught.value.hint)
    return caught.value
