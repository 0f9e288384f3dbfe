"""What training changes in its process is as before when it has ended."""

from __future__ import annotations

import gc

from ppo_cli.learn.machine import GARBAGE_AFTER, fewer_garbage_collections


def test_the_garbage_collector_is_as_it_was_when_training_has_ended() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    with fewer_garbage_collections():
        assert gc.get_threshold()[0] == GARBAGE_AFTER
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == frozen, "what the program has frozen itself stays frozen"


def test_garbage_from_before_does_not_live_as_long_as_the_training() -> None:
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
