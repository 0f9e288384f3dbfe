"""The sweeps in ``configs/sweeps``."""

from __future__ import annotations

import pytest
from helpers.sweep_specs import spec_from

from ppo_cli.config.shipped import shipped_config_dir
from ppo_cli.config.values import get_value

SHIPPED = sorted((shipped_config_dir() / "sweeps").glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_sweep_can_be_trained_and_asks_a_question(path):
    spec, notices = spec_from(sweep_file=path)
    assert notices == ()
    assert spec.num_points * spec.num_seeds >= 20
    header = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    assert "?" in " ".join(header)


def test_the_shipped_sweeps_are_those_of_the_documentation():
    points = {path.stem: spec_from(sweep_file=path)[0] for path in SHIPPED}
    clip = points["eps-clip-lunarlander"]
    assert [point.text for point in clip.points()] == [
        f"eps_clip = {value}" for value in (0.1, 0.2, 0.3, 0.4)
    ]
    distance = points["distance-lunarlander"]
    assert get_value(distance.base, "reward_shaping.mode") == "potential"
    assert distance.params[0].values == (0.0, 50.0, 100.0, 200.0)
    assert {param.name for param in points["learning-rate-cartpole"].params} == {"learning_rate", "eps_clip"}
    assert points["learning-rate-cartpole"].search == "random"
