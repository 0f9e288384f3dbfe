"""The torture campaign goes on where it was stopped, keeps what it found, and the page says so."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from helpers.pages import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

from torture import classes
from torture.campaign import campaign
from torture.classes import CLASSES, FaultClass
from torture.page import bound, torture
from torture.record import RECORD, last_tries, read_record
from torture.unit import Landed, Units, Work, checked

T5 = CLASSES[0]


class Made:
    """A class of faults of four units; the unit 3 fails until it is mended."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.is_mended = False

    def work(self, fault_class: FaultClass) -> Work:
        return Work(self.units, self.run)

    def units(self, quick: bool) -> Units:
        return [("case", seed) for seed in range(1, 2 if quick else 5)]

    def run(self, case: str, seed: int, folder: Path) -> Landed:
        assert list(folder.iterdir()) == []
        self.done.append(seed)
        landed = Landed(count=9)
        checked(landed, f"{case} {seed}, number 10", lambda: self.judge(seed))
        return landed

    def judge(self, seed: int) -> None:
        assert seed != 3 or self.is_mended, "lost"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    found = Made()
    monkeypatch.setattr(classes.FaultClass, "work", lambda self: found.work(self))
    return found


def go_on(record: Path, *, quick: bool = False, again: bool = False, minutes: float | None = None) -> int:
    return len(campaign([T5], record, quick=quick, minutes=minutes, again=again))


def test_what_is_done_is_not_done_again(made: Made, tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    assert go_on(record, minutes=-1) == 0
    assert go_on(record, quick=True) == 1
    assert go_on(record) == 3
    assert go_on(record) == 0
    assert made.done == [1, 2, 3, 4]


def test_a_failure_is_kept_with_what_repeats_it_until_it_is_mended(made: Made, tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    go_on(record)
    (failed,) = [one for one in read_record(record) if one.landed.failures]
    assert failed.unit == ("T5", "case", 3)
    (failure,) = failed.landed.failures
    assert failure.startswith("case 3, number 10: AssertionError: lost")
    assert "| 20,000 | 40 | 1 | – |" in torture(last_tries(read_record(record)))
    made.is_mended = True
    assert go_on(record, again=True) == 1
    assert len(read_record(record)) == 5, "what happened stays written"
    assert "| 20,000 | 40 | 0 | < 7.5 % |" in torture(last_tries(read_record(record)))


def test_a_unit_that_raises_is_a_failure_and_the_campaign_goes_on(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made, "judge", lambda seed: None)
    monkeypatch.setattr(made, "run", lambda case, seed, folder: [][seed])
    assert go_on(tmp_path / "record.jsonl") == 4
    assert all("IndexError at " in one.landed.failures[0] for one in read_record(tmp_path / "record.jsonl"))


def test_the_bound_is_the_rule_of_three() -> None:
    assert bound(2000, 0) == "< 0.15 %"
    assert bound(2000, 1) == bound(0, 0) == "–"


def test_the_record_is_of_units_that_there_are_and_has_no_failures() -> None:
    known = {one.key for one in CLASSES}
    done = last_tries(read_record(RECORD))
    assert done
    assert {one.key for one in done} <= known == {f"T{number}" for number in range(1, 21)}
    assert [one.landed.failures for one in done if one.landed.failures] == []
    assert all(one.landed.count for one in done)


@pytest.mark.torture
@pytest.mark.parametrize("one", CLASSES, ids=lambda one: one.key)
def test_a_small_sample_of_each_class_holds(one: FaultClass, tmp_path: Path) -> None:
    done = campaign([one], tmp_path / "record.jsonl", quick=True, minutes=None, again=False)
    assert done
    assert [each.landed.failures for each in done if each.landed.failures] == []
