"""Points: their words, their JSON, and labels that are safe names and tell points apart."""

import json
import re

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ppo_cli.runs.names import check_run_name
from ppo_cli.sweeps.spec.points import MAX_LABEL, Point

TEXTS = st.text(max_size=30) | st.text("aAbB01-._+=@", max_size=5) | st.sampled_from(["none", "true", "0.1"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda value: value + 0.0),
    TEXTS,
)
SIZES = st.lists(st.integers(1, 4096), min_size=1, max_size=8).map(tuple)
VALUES = {
    "eps_clip": st.floats(1e-300, 100),
    "target_kl": st.none() | st.floats(1e-3, 1),
    "hidden_sizes": SIZES,
    "activation": st.sampled_from(["relu", "tanh"]),
    "env_id": st.sampled_from(["CartPole-v1", "cartpole-v1", "Cartpole-v1", "m:Maze-v0", "M:Maze-v0"]),
    "env_kwargs.x": SCALARS,
    "env_kwargs.X": SCALARS,
    "custom.up": st.floats(-1e6, 1e6),
}
POINTS = st.builds(
    Point.of,
    st.sets(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4).flatmap(
        lambda names: st.fixed_dictionaries({name: VALUES[name] for name in sorted(names)})
    ),
)


def spelled(point):
    """All that a point says: 1, 1.0 and true are three things here, the order of the settings is none."""
    return sorted((name, repr(value)) for name, value in point.values)


@settings(max_examples=300)
@given(POINTS, POINTS)
def test_different_points_have_different_labels_even_where_capitals_do_not_count(one, other):
    assume(spelled(one) != spelled(other))
    assert one.label.casefold() != other.label.casefold()


@given(st.sampled_from(["env_kwargs.x", "env_id"]), TEXTS, TEXTS)
def test_different_texts_have_different_labels(name, one, other):
    assume(one != other)
    assert Point.of({name: one}).label.casefold() != Point.of({name: other}).label.casefold()


@given(POINTS)
def test_a_label_names_a_run_on_every_system(point):
    assert re.fullmatch(r"[A-Za-z0-9._+=@-]+", point.label)
    assert len(point.label) <= MAX_LABEL
    check_run_name(f"{point.label}-s{2**32 - 1}")


@given(POINTS)
def test_a_label_does_not_depend_on_the_order_of_the_settings(point):
    assert Point(tuple(reversed(point.values))).label == point.label


@given(POINTS)
def test_a_point_survives_json(point):
    again = Point.of(json.loads(json.dumps(point.to_json())))
    assert again == point
    assert again.label == point.label


@given(POINTS)
def test_no_text_can_be_chosen_to_have_the_label_of_another_point(point):
    copy = Point.of({"env_kwargs.x": point.label.partition("=")[2].lower()})
    assume(spelled(copy) != spelled(point))
    assert copy.label.casefold() != point.label.casefold()


def test_a_text_that_looks_like_a_label_with_a_hash_gets_one_of_its_own():
    label = Point.of({"env_kwargs.x": "Foo"}).label
    assert Point.of({"env_kwargs.x": label.partition("=")[2].lower()}).label.casefold() != label.casefold()


def test_labels_read_well():
    assert Point.of({"eps_clip": 0.1}).label == "eps_clip=0.1"
    assert Point.of({"learning_rate": 1e-5, "eps_clip": 0.1}).label == "eps_clip=0.1+learning_rate=1e-05"
    assert Point.of({"target_kl": None, "anneal_lr": True}).label == "anneal_lr=true+target_kl=none"
    assert Point.of({"hidden_sizes": (64, 64)}).label == "hidden_sizes=64x64"
    assert Point.of({"env_id": "LunarLander-v3"}).label == "env_id=LunarLander-v3"
    assert Point.of({"env_kwargs.x": 1e16}).label == "env_kwargs.x=1e16"


def test_a_label_that_would_lose_something_ends_in_a_hash():
    assert re.fullmatch(r"env_kwargs\.x=none-[0-9a-f]{8}", Point.of({"env_kwargs.x": "none"}).label)
    assert re.fullmatch(r"env_id=m-Maze-v0-[0-9a-f]{8}", Point.of({"env_id": "m:Maze-v0"}).label)


def test_a_long_label_keeps_its_beginning():
    point = Point.of({f"env_kwargs.name_{index}": 0.125 for index in range(10)})
    assert point.label.startswith("env_kwargs.name_0=0.125+env_kwargs.name_1=0.125")
    assert len(point.label) == 60 + 1 + 8


def test_the_label_of_a_point_never_changes():
    """Folders are named by it: another label in a later version would train everything again."""
    point = Point.of({"env_kwargs.text": "Ünder", "hidden_sizes": (64, 64), "gamma": 0.99})
    assert point.label == "env_kwargs.text=-nder+gamma=0.99+hidden_sizes=64x64-e5e03da9"


def test_a_point_in_words_keeps_the_order_of_the_settings():
    point = Point.of({"learning_rate": 1e-3, "eps_clip": 0.1, "hidden_sizes": (64, 64), "target_kl": None})
    assert point.text == "learning_rate = 0.001, eps_clip = 0.1, hidden_sizes = 64x64, target_kl = null"


def test_points_can_be_counted_in_sets():
    assert len({Point.of({"hidden_sizes": [64, 64]}), Point.of({"hidden_sizes": (64, 64)})}) == 1
