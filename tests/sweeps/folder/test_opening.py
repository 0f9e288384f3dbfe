"""Which folder a sweep begins or goes on in."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.sweep_helpers import (
    tiny_spec,
)

from ppo_cli.errors import UsageError
from ppo_cli.sweeps.folder.opening import default_name, open_sweep
from ppo_cli.sweeps.folder.sweep_dir import list_sweeps


def test_another_sweep_of_the_default_name_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    folders = [
        open_sweep(tiny_spec("eps_clip=0.1", base={"gamma": gamma}), tmp_path, None)[0].name
        for gamma in (0.9, 0.99, 0.9)
    ]
    assert folders == ["CartPole-v1-eps_clip", "CartPole-v1-eps_clip-2", "CartPole-v1-eps_clip"]


def test_under_a_typed_name_another_sweep_is_refused_with_the_difference(tmp_path: Path) -> None:
    open_sweep(tiny_spec("eps_clip=0.1"), tmp_path, "mine")
    with pytest.raises(
        UsageError, match=r"holds another sweep: learning\.gamma of CartPole-v1 is 0\.99 here and 0\.5"
    ) as caught:
        open_sweep(tiny_spec("eps_clip=0.1", base={"gamma": 0.5}), tmp_path, "mine")
    assert "--name" in str(caught.value.hint)
    with pytest.raises(UsageError, match="swept is eps_clip here and gamma there"):
        open_sweep(tiny_spec("gamma=0.9"), tmp_path, "mine")
    assert [sweep.name for sweep in list_sweeps(tmp_path)] == ["mine"]


def test_a_folder_that_is_no_sweep_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "CartPole-v1-eps_clip").mkdir()
    (tmp_path / "CartPole-v1-eps_clip" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="is no sweep"):
        open_sweep(tiny_spec("eps_clip"), tmp_path, "CartPole-v1-eps_clip")
    assert open_sweep(tiny_spec("eps_clip"), tmp_path, None)[0].name == "CartPole-v1-eps_clip-2"


def test_a_folder_says_what_it_holds_beyond_what_is_asked_for(tmp_path: Path) -> None:
    open_sweep(tiny_spec("eps_clip=0.1,0.2", num_seeds=3), tmp_path, None)
    _, spec, notices = open_sweep(tiny_spec("eps_clip=0.2"), tmp_path, None)
    assert len(spec.points()) == 2 and spec.num_seeds == 3
    assert "eps_clip = 0.1 and 3 seeds" in notices[-1]
    assert open_sweep(tiny_spec("eps_clip=0.1,0.2", num_seeds=3), tmp_path, None)[2][1:] == []


def test_a_default_name_can_name_a_folder() -> None:
    assert default_name(tiny_spec("env_kwargs.x=1,2")) == "CartPole-v1-env_kwargs.x"
    many = [f"custom.{'w' * 30}{i}=1,2" for i in range(5)]
    assert len(default_name(tiny_spec(*many))) <= 80
