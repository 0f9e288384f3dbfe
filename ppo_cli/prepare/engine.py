"""Which engine computes a run: what the settings ask for, as far as the machine has it."""

from __future__ import annotations

from ppo_cli.config.identity import ENGINE
from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.errors import UsageError


def with_engine(config: RunConfig) -> tuple[RunConfig, str | None]:
    """The settings with the engine that computes the run: ``auto`` becomes ``compiled`` or ``torch``.

    A run keeps its engine for good, because two engines do not round alike.

    Returns:
        The settings, and where the engine comes from if they left the choice open.

    Raises:
        UsageError: They ask for compiled kernels, which cannot be had; the message says why.
    """
    from ppo_cli.kernels.library import missing_kernels

    if config.compute.engine != "auto":
        check_engine(config)
        return config, None
    missing = missing_kernels()
    engine, why = ("torch", missing) if missing else ("compiled", "kernels for this machine")
    return with_values(config, {ENGINE: engine}), f"auto: {why}"


def check_engine(config: RunConfig, run: str | None = None) -> None:
    """Check that a run can be computed here by the engine that its settings name.

    Args:
        config: Its settings.
        run: Its name, if it is there already.

    Raises:
        UsageError: It cannot; the message says why, and what to do.
    """
    from ppo_cli.kernels.library import missing_kernels

    if config.compute.engine != "compiled":
        return
    missing = missing_kernels()
    if missing and run is None:
        hint = "leave compute.engine out, or set it to torch, which computes the same somewhat slower"
        raise UsageError(f"compute.engine is compiled, but {missing}", hint=hint, key=ENGINE)
    if missing:
        raise UsageError(
            f"{run} was computed by compiled kernels, but {missing}",
            hint="go on where they are (`ppo doctor` says so), or start a new run: torch rounds otherwise",
            key=ENGINE,
        )
