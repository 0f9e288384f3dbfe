"""Events of jobs: how far their runs are, and how they end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from ppo_cli.errors import PpoError

Kind = Literal["progress", "ended", "failed", "died"]


@dataclass(frozen=True)
class RunProgress:
    """Progress of one run of a job.

    Attributes:
        status: ``training``, ``completed``, ``interrupted``, ``diverged``, ``failed`` or ``pruned``.
        global_step: Environment steps done.
        fraction: Of the way, from 0 to 1.
        eval_mean: Mean return of the last evaluation, or None before the first.
        reason: Why it stopped, where it did.
    """

    status: str
    global_step: int = 0
    fraction: float = 0.0
    eval_mean: float | None = None
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The progress as :func:`~ppo_cli.sweeps.work.run_job.run_job` reports it."""
        data = asdict(self)
        return data | {"eval": data.pop("eval_mean")}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RunProgress:
        """The progress that ``run_job`` reported; only the status must be there.

        Raises:
            KeyError, TypeError, ValueError: It is something else.
        """
        mean, reason = data.get("eval"), data.get("reason")
        return cls(
            status=str(data["status"]),
            global_step=int(data.get("global_step", 0)),
            fraction=float(data.get("fraction", 0.0)),
            eval_mean=None if mean is None else float(mean),
            reason=None if reason is None else str(reason),
        )


@dataclass(frozen=True)
class JobEvent:
    """A report of an executor on a job. After any kind but ``progress`` the job is no longer under way.

    Attributes:
        job_id: The job.
        kind: ``progress``; ``ended``: it returned; ``failed``: it raised an exception, and would again;
            ``died``: its process vanished, was killed, or hung and was killed, and another try may do better.
        runs: Its runs by name, as far as they are known.
        reason: Why it failed or died; otherwise empty.
        hint: What to do about it, or None.
        exit_code: What the program would exit with for this failure (see :mod:`ppo_cli.errors`).
        notices: What the user should know; each comes once.
        probe: What a probe measured; otherwise empty.
    """

    job_id: str
    kind: Kind
    runs: Mapping[str, RunProgress] = field(default_factory=dict)
    reason: str = ""
    hint: str | None = None
    exit_code: int = 1
    notices: tuple[str, ...] = ()
    probe: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, job_id: str, kind: Kind, message: Mapping[str, Any]) -> JobEvent:
        """The event for what :func:`~ppo_cli.sweeps.work.run_job.run_job` reported or returned.

        Args:
            job_id: The job.
            kind: The kind of event.
            message: The other attributes by name, as far as there are any.

        Raises:
            AttributeError, KeyError, TypeError, ValueError: The message is something else.
        """
        if kind not in get_args(Kind):
            raise ValueError(f"unknown kind of event: {kind!r}")
        runs = {str(name): RunProgress.from_json(run) for name, run in message.get("runs", {}).items()}
        notices = tuple(str(notice) for notice in message.get("notices", ()))
        probe = {str(name): float(value) for name, value in message.get("probe", {}).items()}
        hint, exit_code = message.get("hint"), int(message.get("exit_code", 1))
        return cls(
            job_id=job_id,
            kind=kind,
            runs=runs,
            reason=str(message.get("reason", "")),
            hint=None if hint is None else str(hint),
            exit_code=exit_code,
            notices=notices,
            probe=probe,
        )

    @classmethod
    def failure(cls, job_id: str, error: BaseException) -> JobEvent:
        """The event for a job that raised ``error``."""
        if isinstance(error, PpoError):
            return cls(job_id, "failed", reason=error.message, hint=error.hint, exit_code=error.exit_code)
        return cls(job_id, "failed", reason=f"{type(error).__name__}: {error}")

    def to_json(self) -> dict[str, Any]:
        """The event as JSON data, for another process or machine."""
        return {
            "job": self.job_id,
            "kind": self.kind,
            "runs": {name: run.to_json() for name, run in self.runs.items()},
            "reason": self.reason,
            "hint": self.hint,
            "exit_code": self.exit_code,
            "notices": list(self.notices),
            "probe": dict(self.probe),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> JobEvent:
        """The event that :meth:`to_json` wrote.

        Raises:
            AttributeError, KeyError, TypeError, ValueError: It is something else.
        """
        return cls.of(str(data["job"]), data["kind"], data)
