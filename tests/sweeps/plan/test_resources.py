"""Cores and memory, dealt to the jobs of a sweep."""

from __future__ import annotations

import pytest

from ppo_cli.sweeps.plan import resources
from ppo_cli.sweeps.plan.resources import MAX_MEMBERS, Resources, deal


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of four cores with 8 GB free."""
    monkeypatch.setattr(resources, "usable_cores", lambda: [0, 1, 2, 5])
    monkeypatch.setattr(resources, "free_memory", lambda: 8 * 2**30)


def test_every_slot_gets_its_share_of_the_cores_and_half_of_the_free_memory_is_for_all() -> None:
    dealt = deal(2, pinned=True, max_members=None, max_memory=None)
    assert dealt == Resources(((0, 1), (2, 5)), MAX_MEMBERS, 2 * 2**30)


def test_slots_without_a_core_of_their_own_are_not_pinned_and_those_of_a_cluster_never() -> None:
    assert deal(5, pinned=True, max_members=None, max_memory=None).core_sets == ((),) * 5
    assert deal(2, pinned=False, max_members=None, max_memory=None).core_sets == ((),) * 2


def test_members_and_memory_can_be_limited() -> None:
    dealt = deal(4, pinned=True, max_members=3, max_memory=2.0)
    assert (dealt.max_members, dealt.max_bytes) == (3, 2**29)


@pytest.mark.parametrize(
    ("jobs", "cores"), [(1, [(0, 1, 2, 5)]), (2, [(0, 1), (2, 5)]), (9, [(0,), (1,), (2,), (5,)])]
)
def test_with_fewer_jobs_than_slots_each_gets_the_cores_of_several(
    jobs: int, cores: list[tuple[int, ...]]
) -> None:
    assert deal(4, pinned=True, max_members=None, max_memory=None).for_jobs(jobs) == cores
