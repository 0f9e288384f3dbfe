"""Where values lie on an axis, which are written there, and which returns are in view."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ppo_cli.report.plotting.scales import return_text, scale_of, view_limits

EPS_CLIPS = (0.1, 0.2, 0.3, 0.4)


LEARNING_RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)


def test_numbers_over_two_decades_get_a_log_axis_and_others_a_linear_one() -> None:
    assert scale_of((1e-4, 1e-3, 1e-2)).kind == "log"
    assert scale_of((64, 128, 256, 512, 1024)).kind == "log"
    assert scale_of(EPS_CLIPS).kind == "linear"
    assert scale_of((0.9, 0.99, 0.999)).kind == "linear"
    assert scale_of((0.1, 0.2), log=True).kind == "log"
    assert scale_of((1.0, 500.0), log=False).kind == "linear"
    assert scale_of((-1.0, 500.0), log=True).kind == "category", "there is no logarithm of -1"


def test_what_is_no_number_is_spaced_evenly_in_its_order() -> None:
    for values in (
        ("tanh", "relu", "elu"),
        (None, 0.01, 0.1),
        ((64, 64), (256, 256)),
        (False, True),
        (0.0, 0.001, 0.1),
    ):
        scale = scale_of(values)
        assert scale.kind == "category"
        assert [scale.at(value) for value in values] == [0.0, 1.0, 2.0][: len(values)]
    assert scale_of((True, False)).at(1) is None, "True is not 1"


def test_few_values_are_all_written_at_the_axis() -> None:
    ticks = scale_of((1e-4, 3e-4, 1e-3, 3e-3, 1e-2)).ticks(90)
    assert [text for _, text in ticks] == ["0.0001", "0.0003", "0.001", "0.003", "0.01"]
    assert [place for place, _ in ticks] == pytest.approx([math.log10(value) for value in LEARNING_RATES])


@given(
    st.lists(st.floats(1e-9, 1e9), min_size=2, max_size=60),
    st.sampled_from([True, False, None]),
    st.integers(10, 100),
)
@example(values=[5.0, math.nextafter(5.0, 6)], log=True, room=30)  # their logarithms are equal
@example(values=[5.0, math.nextafter(5.0, 6)], log=False, room=30)
def test_the_texts_at_an_axis_never_touch(values: list[float], log: bool | None, room: int) -> None:
    scale = scale_of(values, log=log)
    low, high = scale.limits
    assert all(low <= place <= high for value in values if (place := scale.at(value)) is not None)
    if scale.kind == "category":
        return
    placed = [(place, text) for place, text in scale.ticks(room) if text]
    assert placed
    for (place, text), (other, next_text) in itertools.pairwise(placed):
        assert (other - place) / (high - low) * room >= (len(text) + len(next_text)) / 2


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=40))
def test_the_view_holds_nearly_all_returns(values: list[float]) -> None:
    low, high = view_limits(values)
    assert low < high
    assert sum(not low <= value <= high for value in values) <= max(1, len(values) // 10)


@pytest.mark.parametrize("values", [[500.0] * 19 + [9.3], [200.0] * 10 + [-5000.0] * 10, [200.0, -5000.0]])
def test_returns_that_are_part_of_the_story_stay_in_view(values: list[float]) -> None:
    low, high = view_limits(values)
    assert low < min(values) and max(values) < high


def test_returns_are_as_exact_as_the_span_makes_sense() -> None:
    assert [return_text(-0.4, 300.0), return_text(0.12345, 0.5), return_text(1e300, 1e300)] == [
        "0",
        "0.123",
        "1.00e+300",
    ]
