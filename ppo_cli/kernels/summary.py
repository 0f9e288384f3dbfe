"""The state of the kernels on this machine, in words: for ``ppo doctor``."""

from __future__ import annotations

from dataclasses import dataclass

from ppo_cli.kernels.agreement import disagreement
from ppo_cli.kernels.environments import KINDS
from ppo_cli.kernels.library import FAILED, available


@dataclass(frozen=True)
class Summary:
    """What there is.

    Attributes:
        ok: False where a library is there and computes something else than it should.
        detail: Instruction set and what the tests found, or why there are no kernels.
        fix: What to do about it; empty when nothing.
    """

    ok: bool
    detail: str
    fix: str


def summary() -> Summary:
    """Load the library, and try each compiled environment."""
    library = available()
    if isinstance(library, str):
        detail = f"none: {library}; torch does the work"
        return Summary(not library.startswith(FAILED), detail, _fix(library))
    wrong = {kind.name: disagreement(library, entry_point) for entry_point, kind in KINDS.items()}
    good = [name for name, words in wrong.items() if not words]
    steps = f"steps equal to Gymnasium's: {', '.join(good) or 'none'}"
    detail = f"{library.instruction_set}, passed its tests; {steps}"
    others = "; ".join(filter(None, wrong.values()))
    return Summary(True, f"{detail} ({others}; Gymnasium's are used)" if others else detail, "")


def _fix(reason: str) -> str:
    if reason.startswith(FAILED):
        return "torch is used; please report this, with your processor and system"
    if reason.startswith("not built"):
        return "install a wheel for this platform, or: pip install ziglang && python -m ppo_cli.kernels.build"
    return ""
