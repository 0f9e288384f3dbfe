"""Where an exported policy comes from."""

from __future__ import annotations

from pathlib import Path

from helpers.export_policies import make_policy

from ppo_cli.config.schema import RunConfig
from ppo_cli.export.origin import origin_of
from ppo_cli.runs.run_dir import RunDir


def test_nothing_is_published_under_a_name_that_did_not_run(tmp_path: Path) -> None:
    for asked, ran in (("LunarLander-v2", "LunarLander-v3"), ("my_module:Maze-v0", "my_module:Maze-v0")):
        config, policy = RunConfig(env_id=asked), make_policy(env_id=asked)
        assert origin_of(RunDir(tmp_path), config, policy, best=False).env_id == ran
