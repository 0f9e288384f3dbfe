"""From settings or folders to populations: which folder holds which run."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.run_folders import make_run

from ppo_cli.config.resolve import load_config, with_values
from ppo_cli.errors import UsageError
from ppo_cli.prepare.launch import check_same_run
from ppo_cli.runs.run_dir import RunDir


@pytest.mark.parametrize(
    ("name", "value"), [("gamma", 0.5), ("total_timesteps", 9), ("seed", 7), ("eval_episodes", 3)]
)
def test_a_folder_of_a_sweep_with_another_run_in_it_is_refused_by_what_differs(
    name: str, value: float, tmp_path: Path
) -> None:
    run = RunDir(make_run(tmp_path, "mine-s1"))
    config = load_config(run.config_path)
    check_same_run(run, config)
    check_same_run(run, with_values(config, {"num_threads": 2, "tensorboard": True}))
    with pytest.raises(UsageError, match=f"holds a run with .*{name}") as caught:
        check_same_run(run, with_values(config, {name: value}))
    assert caught.value.file == str(run.config_path)
