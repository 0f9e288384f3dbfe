"""Making a preference set: the same command adds what is missing, and to the same lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.cli_runner import inside
from helpers.preference_sets import make_set

from ppo_cli.config.preference_settings import TeacherSettings
from ppo_cli.envs.factory import env_spec
from ppo_cli.errors import CorruptFileError, UsageError
from ppo_cli.preferences import collecting
from ppo_cli.preferences.dataset import load_pairs
from ppo_cli.preferences.folder import create_preference_dir
from ppo_cli.preferences.goals import hold_right, hover, spin
from ppo_cli.preferences.teachers import Scale, answer, chance_of_better, clip_return


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
def test_a_set_that_was_interrupted_goes_on_to_the_same_lines(env: str, tmp_path: Path) -> None:
    whole = make_set(tmp_path, "whole", "length=20", env=env, pairs=45)
    part = make_set(tmp_path, "part", "length=20", env=env, pairs=7)
    part = make_set(tmp_path, "part", "length=20", env=env, pairs=33)
    part = make_set(tmp_path, "part", "length=20", env=env, pairs=45)
    for name in ("comparisons.jsonl", "episodes.jsonl", "preferences.yaml"):
        assert (part.path / name).read_bytes() == (whole.path / name).read_bytes(), name


def test_episodes_are_played_by_one_thread_of_torch(tmp_path: Path) -> None:
    """Two take fifty times as long on a busy machine, and a product's rounding may depend on them."""
    seen: list[int] = []
    torch.set_num_threads(2)
    make_set(tmp_path, "mine", "length=10", pairs=3, progress=lambda _: seen.append(torch.get_num_threads()))
    assert seen == [1]


def test_a_set_with_other_settings_is_not_gone_on_with(tmp_path: Path) -> None:
    make_set(tmp_path, "mine", "length=10", pairs=3)
    with pytest.raises(UsageError, match="has length 10, not 12"):
        make_set(tmp_path, "mine", "length=12", pairs=5)


def test_a_set_that_another_process_makes_at_the_same_moment_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*args: Any) -> Any:
        create_preference_dir(*args)
        return create_preference_dir(*args)

    monkeypatch.setattr(collecting, "create_preference_dir", late)
    assert len(make_set(tmp_path, "mine", pairs=3).comparisons()) == 3
    (tmp_path / "occupied").mkdir()
    (tmp_path / "occupied" / "x").touch()
    with pytest.raises(UsageError, match="exists already") as caught:
        make_set(tmp_path, "occupied", pairs=3)
    assert caught.value.hint == "Choose another --name."


def test_clips_are_of_one_length_or_end_with_the_task(tmp_path: Path) -> None:
    folder = make_set(tmp_path, "mine", "length=15", pairs=32)
    episodes = folder.episodes()
    lengths = []
    for one in folder.comparisons():
        for clip in (one.a, one.b):
            lengths.append(clip.length)
            ended = (
                episodes[clip.episode].ended == "terminated" and clip.stop == episodes[clip.episode].length
            )
            assert clip.length == 15 or (clip.length < 15 and ended)
    ends = [episodes[one.a.episode].ended == "terminated" for one in folder.comparisons()]
    assert 0.3 < np.mean(ends) < 0.9


def test_same_start_pairs_begin_in_one_state_and_then_part(tmp_path: Path) -> None:
    folder = make_set(tmp_path, "mine", "length=20", env="Pendulum-v1", pairs=20, same_start=True)
    data = load_pairs(folder, env_spec("Pendulum-v1"))
    assert (data.seen.obs[:, 0, 0] == data.seen.obs[:, 1, 0]).all()
    assert (data.part_from == 0).all()  # another action gives another next state
    assert not (data.seen.obs[:, 0, -1] == data.seen.obs[:, 1, -1]).all()


def test_some_pairs_are_asked_again_with_sides_swapped(tmp_path: Path) -> None:
    folder = make_set(tmp_path, "mine", "length=10", "repeat=5", "mistake=0.5", pairs=40)
    by_id = {one.id: one for one in folder.comparisons()}
    again = [one for one in by_id.values() if one.repeat is not None]
    assert [one.id for one in again] == [14, 19, 24, 29, 34, 39]
    for one in again:
        before = by_id[one.repeat or 0]
        assert (one.a, one.b) == (before.a, before.b) and one.left != before.left


def test_an_episode_that_shows_something_else_is_refused_by_name(tmp_path: Path) -> None:
    folder = make_set(tmp_path, "mine", "length=10", pairs=4)
    lines = folder.episodes_path.read_text().splitlines()
    document = json.loads(lines[2])
    lines[2] = json.dumps({**document, "seed": document["seed"] + 1})
    folder.episodes_path.write_text("\n".join([*lines, ""]))
    with pytest.raises(CorruptFileError, match=f"1 of 8 episodes .* {document['episode']}"):
        load_pairs(folder, env_spec("CartPole-v1"))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"a": ["e99", 0, 10]}, "e99 is not in"),
        ({"a": ["e0", 0, 9]}, "9 steps"),
        ({"a": ["e0", 0, 9000]}, "has"),
    ],
    ids=["unknown", "short", "long"],
)
def test_a_clip_that_cannot_be_is_refused(line: dict, words: str, tmp_path: Path) -> None:
    folder = make_set(tmp_path, "mine", "length=10", pairs=2)
    first, *others = folder.comparisons_path.read_text().splitlines()
    folder.comparisons_path.write_text("\n".join([json.dumps({**json.loads(first), **line}), *others, ""]))
    with pytest.raises(CorruptFileError, match=words):
        load_pairs(folder, env_spec("CartPole-v1"))


# ---------------------------------------------------------------------- teachers


def said(settings: TeacherSettings, left: float, right: float, number: int = 0) -> str:
    return answer(left, right, settings, Scale(2.0, -5.0), 1, number)


def test_a_teacher_without_flaws_prefers_what_pays_more() -> None:
    assert [said(TeacherSettings(), *pair) for pair in ((1, 0), (0, 1), (1, 1))] == ["left", "right", "equal"]


def test_each_flaw_does_what_it_says() -> None:
    assert said(TeacherSettings(equal=0.6), 1.0, 0.0) == "equal"
    assert said(TeacherSettings(equal=0.4), 1.0, 0.0) == "left"
    assert said(TeacherSettings(skip=0.1), -6.0, -7.0) == "unclear"
    wrong = [said(TeacherSettings(mistake=0.25), 1.0, 0.0, number) == "right" for number in range(2000)]
    assert 0.22 < np.mean(wrong) < 0.28
    unsure = [said(TeacherSettings(rationality=1.0), 2.0, 0.0, number) == "left" for number in range(2000)]
    assert abs(np.mean(unsure) - chance_of_better(2.0, 2.0, 1.0)) < 0.03
    assert chance_of_better(2.0, 2.0, 1.0) == pytest.approx(0.7310586)


def test_a_myopic_teacher_looks_at_the_end_of_a_clip() -> None:
    assert clip_return(np.array([8.0, 0.0, 0.0]), 3, 0.5) == 2.0
    assert clip_return(np.array([8.0]), 3, 0.5) == 2.0  # an early end: the rest is worth 0
    assert clip_return(np.array([1.0, 2.0, 3.0]), 3, 1.0) == 6.0


def test_goals_pay_most_where_they_are_reached() -> None:
    zero, ended = np.zeros((3, 4)), np.array([False, False, True])
    carts = np.array([[1.0, 0, 0, 0], [-1.0, 0, 0, 0], [1.0, 0, 0, 0]])
    assert hold_right(zero, ended, carts, ended).tolist() == [1.0, 0.0, 0.0]
    landers = np.zeros((3, 8))
    landers[:, 1] = [0.7, 0.0, 0.7]
    assert hover(landers, ended, landers, ended).tolist() == pytest.approx([1.0, 0.3, 0.0])
    assert spin(zero, ended, np.array([[0, 0, 8.0], [0, 0, -8.0], [0, 0, 0]]), ended).tolist() == [1, -1, 0]


def test_a_goal_of_the_users_own_needs_consent_and_is_checked(tmp_path: Path) -> None:
    (tmp_path / "mygoal.py").write_text(
        "def right(obs, action, next_obs, terminated):\n    return next_obs[:, 0]\n"
        "def wrong(obs, action, next_obs, terminated):\n    return 1.0\n"
    )
    words = ("prefer", "--env", "CartPole-v1", "--random", "--pairs", "3", "--quiet", "--set", "length=5")
    good = inside(*words, "--name", "own", "--set", "reward=mygoal:right", "--json", cwd=tmp_path)
    assert good.code == 0 and good.json["judged_by"] == "mygoal:right"
    bad = inside(*words, "--name", "bad", "--set", "reward=mygoal:wrong", cwd=tmp_path)
    assert bad.code == 2 and "mygoal:wrong gave ()" in bad.stderr


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--set", "reward=hover"), "CartPole-v1 has no goal 'hover'"),
        (("--set", "mistakes=0.1"), "did you mean mistake?"),
        (("--set", "mistake=0.9"), "mistake: 0.9 is not allowed"),
        (("--set", "length=501"), "at most 500"),
        (("--name", "../x"), "cannot be the name"),
    ],
    ids=lambda item: item[-1] if isinstance(item, tuple) else "",
)
def test_what_is_wrong_is_said(words: tuple[str, ...], text: str, tmp_path: Path) -> None:
    command = ("prefer", "--env", "CartPole-v1", "--random", "--pairs", "2", "--name", "mine")
    result = inside(*command, *words, cwd=tmp_path)
    assert result.code == 2 and text in " ".join(result.stderr.split())
