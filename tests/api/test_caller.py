"""What ``train`` and ``sweep`` share."""

from __future__ import annotations

import pytest

from ppo_cli.api.caller import hint_to_go_on
from ppo_cli.errors import CorruptFileError, StorageError


def test_after_a_full_disk_the_hint_says_how_to_go_on() -> None:
    with pytest.raises(StorageError) as caught, hint_to_go_on(lambda: "ppo train --resume runs/a"):
        raise StorageError("the disk is full", hint="Make room.")
    assert caught.value.hint == "Make room. Then go on: ppo train --resume runs/a"


def test_a_folder_that_cannot_be_read_does_not_hide_the_full_disk() -> None:
    def unreadable() -> str:
        raise CorruptFileError("config.yaml is damaged")

    with pytest.raises(StorageError) as caught, hint_to_go_on(unreadable):
        raise StorageError("the disk is full", hint="Make room.")
    assert (caught.value.message, caught.value.hint) == ("the disk is full", "Make room.")
