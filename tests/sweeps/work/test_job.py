"""Jobs on their way to a worker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.sweeps.work.job import Job, JobRun


def test_a_job_comes_out_of_json_as_it_went_in(tmp_path: Path) -> None:
    first = with_values(RunConfig(env_id="CartPole-v1"), {"custom.a": 1.0, "custom.b": 2.0, "target_kl": 0.1})
    shaping = first.reward_shaping.model_copy(update={"custom": {"a": 0.1 + 0.2}})
    other = with_values(first, {"seed": 2, "target_kl": None, "learning_rate": 1e-5})
    runs = (JobRun("x", first), JobRun("y", other.model_copy(update={"reward_shaping": shaping})))
    words: dict[str, Any] = {"command": "c", "env_requested": "v", "allow_import": True}
    job = Job("0003", tmp_path, runs, until=7, probe=True, cores=(0, 1), **words)
    assert Job.from_json(json.loads(json.dumps(job.to_json()))) == job
