"""What training changes in its process is as before when it has ended."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from ppo_cli.learn.machine import GARBAGE_AFTER, fewer_garbage_collections


@pytest.fixture(params=["a program that froze nothing", "a program that froze its modules"])
def frozen_by_the_program(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether the calling program has frozen objects itself."""
    gc.unfreeze()
    frozen = "its modules" in request.param
    if frozen:
        gc.freeze()
    yield frozen
    gc.freeze()  # as tests/conftest.py left it


def test_the_garbage_collector_is_as_the_program_left_it(frozen_by_the_program: bool) -> None:
    before = gc.get_threshold()
    with fewer_garbage_collections():
        assert gc.get_threshold()[0] == GARBAGE_AFTER
        assert gc.get_freeze_count() > 0, "what is there already is not looked through"
    assert gc.get_threshold() == before
    assert (gc.get_freeze_count() > 0) == frozen_by_the_program


def test_garbage_from_before_does_not_live_as_long_as_the_training(frozen_by_the_program: bool) -> None:
    class Cycle:
        alive = 0

        def __init__(self) -> None:
            self.itself = self
            Cycle.alive += 1

        def __del__(self) -> None:
            Cycle.alive -= 1

    Cycle()
    with fewer_garbage_collections():
        assert Cycle.alive == 0
