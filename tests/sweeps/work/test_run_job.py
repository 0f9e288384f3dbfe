"""What a worker does with a job."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.sweep_helpers import (
    StopAfter,
)

from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.errors import UsageError
from ppo_cli.sweeps.work.job import Job, JobRun
from ppo_cli.sweeps.work.run_job import run_job


def test_a_job_imports_nothing_that_was_not_agreed_to(tmp_path: Path) -> None:
    for values in ({"env_id": "not_agreed:Mine-v0"}, {"reward_shaping.terms": "not_agreed:terms"}):
        config = with_values(RunConfig(env_id="CartPole-v1"), values | {"reward_shaping.mode": "log"})
        with pytest.raises(UsageError, match=r"not_agreed.* would import") as caught:
            run_job(Job("1", tmp_path, (JobRun("a", config),)), lambda message: None, StopAfter())
        assert "--allow-import" in str(caught.value.hint)
