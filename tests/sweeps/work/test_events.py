"""What is heard of jobs, on its way from another process."""

from __future__ import annotations

from ppo_cli.sweeps.work.events import JobEvent, RunProgress


def test_events_read_back_equal() -> None:
    run = RunProgress("diverged", 5, 0.25, -1.5, "NaN")
    event = JobEvent("0001", "failed", {"a": run}, "why", "what to do", 74, ("notice",), {"p": 1.0})
    assert JobEvent.from_json(event.to_json()) == event
