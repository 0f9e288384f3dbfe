"""Cutting runs into populations: what shares a program, keeps the slots busy and fits into memory."""

from __future__ import annotations

import random

import pytest
from helpers.sweep_helpers import (
    tiny_spec,
)

from ppo_cli.config.identity import static_key
from ppo_cli.prepare.footprint import memory_bytes
from ppo_cli.sweeps.plan.populations import cut_into_populations
from ppo_cli.sweeps.plan.resources import Resources
from ppo_cli.sweeps.spec.planned_runs import PlannedRun, planned_runs


@pytest.mark.parametrize(
    ("slots", "max_members", "sizes"), [(1, 64, [8, 4]), (3, 64, [4, 4, 4]), (1, 3, [3, 3, 2, 2, 2])]
)
def test_runs_of_one_program_share_a_population_and_every_slot_has_work(
    slots: int, max_members: int, sizes: list[int]
) -> None:
    four = planned_runs(tiny_spec("learning_rate=0.1,0.2", "num_steps=16"))
    eight = planned_runs(tiny_spec("learning_rate=0.1,0.2,0.3,0.4", "num_steps=8"))
    runs = [*four, *eight]
    random.Random(1).shuffle(runs)
    populations = cut_into_populations(runs, Resources(((),) * slots, max_members))
    assert sorted(map(len, populations), reverse=True) == sizes
    assert sorted(run.name for each in populations for run in each) == sorted(run.name for run in runs)
    assert all(len({static_key(run.config) for run in each}) == 1 for each in populations)


def test_a_population_stays_within_the_memory_bound_but_a_run_alone_is_always_tried() -> None:
    runs = planned_runs(tiny_spec("eps_clip", num_seeds=4))
    one_run = memory_bytes(runs[0].config)
    assert sizes_within(4 * one_run, runs) == {4}
    assert sizes_within(one_run // 2, runs) == {1}


def sizes_within(max_bytes: int, runs: list[PlannedRun]) -> set[int]:
    return set(map(len, cut_into_populations(runs, Resources(((),), max_bytes=max_bytes))))


def test_the_population_with_the_most_work_begins_first() -> None:
    spec = tiny_spec("num_steps=16,32", "total_timesteps=640,1280", zipped=True)
    populations = cut_into_populations(planned_runs(spec), Resources(((),)))
    assert [runs[0].config.total_timesteps for runs in populations] == [1280, 640]
