"""Preferences from Python: what is wrong is said in a caller's words, not in those of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.cli_runner import inside
from helpers.preference_sets import make_set

from ppo_cli import fit_reward_model, prefer
from ppo_cli.errors import UsageError
from ppo_cli.preferences.folder import PreferenceDir

WRONG_OF_SETS = [
    ({"mistake": 2}, "settings: mistake: 2 is not allowed"),
    ({"mistakes": 0.1}, "settings: mistakes: unknown setting"),
    (["mistake"], "settings: 'mistake' is not of the form NAME=VALUE"),
    (["mistake=x"], "settings: mistake: 'x' is not allowed"),
    ({"length": 5000}, "clips of 5000 steps"),
]
WRONG_OF_FITS = [
    ({"members": 1}, "settings: members: 1 is not allowed"),
    ({"member": 3}, "settings: member: unknown setting"),
    (["hidden_sizes=0"], "settings: hidden_sizes: 0 is not allowed"),
]


def asked(**how: Any) -> dict[str, Any]:
    return {"name": "set", "pairs": 2, "env": "CartPole-v1", "random": True, **how}


@pytest.mark.parametrize(("settings", "text"), WRONG_OF_SETS, ids=str)
def test_a_wrong_setting_of_a_set_is_named_as_the_caller_gave_it(
    settings: Any, text: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        prefer(**asked(settings=settings), runs_dir=tmp_path)
    said = f"{caught.value.message} {caught.value.hint}"
    assert text in said and "--" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("settings", "text"), WRONG_OF_FITS, ids=str)
def test_a_wrong_setting_of_a_fit_is_named_as_the_caller_gave_it(
    settings: Any, text: str, tmp_path: Path
) -> None:
    make_set(tmp_path, "set", pairs=2)
    with pytest.raises(UsageError) as caught:
        fit_reward_model("set", settings=settings, runs_dir=tmp_path)
    said = f"{caught.value.message} {caught.value.hint}"
    assert text in said and "--" not in said


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ({"pairs": 0}, "0 pairs teach nothing"),
        ({"random": False}, "nobody to watch"),
        ({"env": None}, "no environment given"),
        ({"seed": -1}, "seed: -1 is not allowed"),
        ({"name": "a/b"}, "a/b"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_refused_in_the_words_of_python(
    how: dict[str, Any], text: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        prefer(**asked(**how), runs_dir=tmp_path)
    said = f"{caught.value.message} {caught.value.hint}"
    assert text in said and "--" not in said


def test_a_seed_that_is_none_is_refused_before_a_fit(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"seed: 1\.5 is not allowed"):
        fit_reward_model("set", seed=1.5, runs_dir=tmp_path)  # type: ignore[arg-type]


def test_a_set_with_other_settings_is_refused_without_words_of_the_command_line(tmp_path: Path) -> None:
    prefer(**asked(settings={"length": 10}), runs_dir=tmp_path)
    with pytest.raises(UsageError, match="has length 10, not 12") as caught:
        prefer(**asked(settings={"length": 12}), runs_dir=tmp_path)
    assert "--" not in f"{caught.value.message} {caught.value.hint}"


def test_same_start_of_the_call_wins_over_that_of_the_settings(tmp_path: Path) -> None:
    for number, same_start in enumerate((None, True, False)):
        settings = {"same_start": number != 1, "length": 10}
        prefer(**asked(name=f"set{number}", same_start=same_start, settings=settings), runs_dir=tmp_path)
        made = PreferenceDir(tmp_path / f"set{number}").settings()
        assert made.same_start is (same_start is not False)


@pytest.mark.parametrize(
    "words",
    [
        ("prefer", "--env", "CartPole-v1", "--random", "--name", "set", "--set", "mistake=2"),
        ("reward-model", "set", "--set", "members=1"),
    ],
    ids=lambda words: words[0],
)
def test_the_command_line_names_its_option(words: tuple[str, ...], tmp_path: Path) -> None:
    make_set(tmp_path / "runs", "set", pairs=2)
    result = inside(*words, cwd=tmp_path)
    assert result.code == 2 and "--set: m" in result.stderr and "is not allowed" in result.stderr
