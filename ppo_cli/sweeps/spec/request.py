"""The request for a sweep: options of ``ppo sweep``, or arguments of ``ppo_cli.sweep``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ppo_cli.sweeps.spec.sweep_spec import Search


@dataclass(frozen=True)
class Design:
    """Choice of points and of their training. None leaves it to a file, or to the default.

    Attributes:
        zipped: Whether values are paired instead of combined.
        num_seeds: Seeds of each point.
        search: How points are chosen.
        trials: Points that a search draws.
        prune: Whether the worse half of the points is stopped early.
        confirm: Held-out seeds with which the winner is trained again.
    """

    zipped: bool | None = None
    num_seeds: int | None = None
    search: Search | None = None
    trials: int | None = None
    prune: bool | None = None
    confirm: int | None = None

    def given(self) -> dict[str, Any]:
        """Collect what is not None, as arguments of :class:`~ppo_cli.sweeps.spec.sweep_spec.SweepSpec`."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class SweepRequest:
    """The inputs that a sweep is made from.

    Attributes:
        env: The environment, ``--env``.
        config_file: A file of settings, ``--config``.
        overrides: ``--set``, each ``name=value``.
        values: Settings by name; ``seed`` is the first seed.
        params: ``--param``, each ``NAME``, ``NAME=v1,v2`` or ``NAME=lo..hi[:log][:count]``; or a mapping from
            names to such values.
        design: The options of the sweep itself.
        sweep_file: A file that a person wrote, or the ``sweep.yaml`` of a sweep folder.
        allow_import: Whether files may name modules to import.
        values_label: What messages call the place of ``values``; None for each one's option, ``--seed``.
    """

    env: str | None = None
    config_file: Path | None = None
    overrides: Sequence[str] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    params: Sequence[str] | Mapping[str, Any] = ()
    design: Design = field(default_factory=Design)
    sweep_file: Path | None = None
    allow_import: bool = False
    values_label: str | None = None

    @property
    def asks_for_nothing(self) -> bool:
        """Whether it leaves everything open."""
        return self == SweepRequest(allow_import=self.allow_import, values_label=self.values_label)
