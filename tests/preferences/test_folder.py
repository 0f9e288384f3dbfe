"""Preference sets as files: what is appended stays, what is torn is dropped, what is hostile is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.cli_runner import inside
from helpers.preference_sets import make_set

from ppo_cli.api.prefer import undo
from ppo_cli.config.preference_settings import PreferenceSettings, preferences_text, read_preferences
from ppo_cli.errors import CorruptFileError, RunLockedError, UsageError
from ppo_cli.preferences.folder import PreferenceDir
from ppo_cli.preferences.lines import LineWriter


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_set(tmp_path_factory.mktemp("sets"), "mine").path


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> PreferenceDir:
    shutil.copytree(made, tmp_path / "mine")
    return PreferenceDir(tmp_path / "mine")


def test_settings_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    settings = PreferenceSettings(env_id="CartPole-v1", env_kwargs={"a": 1}, seed=7, at_end=0.25)
    (tmp_path / "preferences.yaml").write_text(preferences_text(settings))
    assert read_preferences(tmp_path / "preferences.yaml") == settings


def test_an_answer_that_is_taken_back_is_a_line_more_and_no_answer(copy: PreferenceDir) -> None:
    before = copy.comparisons_path.read_bytes()
    document = undo("mine", 3, runs_dir=copy.path.parent)
    assert document["pairs"] == 23
    after = copy.comparisons_path.read_bytes()
    assert after[: len(before)] == before
    assert json.loads(after[len(before) :]) == {"v": 1, "undo": 3}
    assert 3 not in {one.id for one in copy.comparisons()}
    with pytest.raises(UsageError, match="no comparison 3"):
        undo("mine", 3, runs_dir=copy.path.parent)


def test_a_torn_last_line_is_dropped_and_said_and_cut_off_before_the_next(copy: PreferenceDir) -> None:
    whole = copy.comparisons_path.read_bytes()
    copy.comparisons_path.write_bytes(whole[:-5])
    said: list[str] = []
    assert len(copy.comparisons(said.append)) == 23
    assert len(said) == 1 and "torn" in said[0]
    with LineWriter.open(copy.comparisons_path) as lines:
        lines.append([{"v": 1, "undo": 0}])
    assert len(copy.comparisons()) == 22


def test_one_process_writes_a_set_at_a_time(copy: PreferenceDir) -> None:
    with copy.lock(), pytest.raises(RunLockedError, match="preference set mine"):
        undo("mine", 1, runs_dir=copy.path.parent)


def line(**changes: Any) -> str:
    document = {"v": 1, "id": 900, "a": ["e0", 0, 10], "b": ["e1", 0, 10], "left": "a", "answer": "left"}
    return json.dumps({**document, "teacher": "someone", **changes})


HOSTILE = {
    "no-json": "hello",
    "a-list": "[1]",
    "deep": "[" * 100_000,
    "long": line(teacher="x" * 5000),
    "nan": line(returns=[float("nan"), 0.0]),
    "infinity": line(returns=[float("inf"), 0.0]),
    "path": line(a=["../../etc/passwd", 0, 10]),
    "backwards": line(a=["e0", 10, 0]),
    "huge": line(a=["e0", 0, 10**12]),
    "text-id": line(id="1"),
    "bool-id": line(id=True),
    "negative-id": line(id=-1),
    "twice": line(id=1),
    "answer": line(answer="left!"),
    "left": line(left="c"),
    "version": line(v=2),
    "undo-nothing": json.dumps({"v": 1, "undo": 5000}),
    "missing": json.dumps({"v": 1, "id": 900}),
    "surrogates": '{"v":1,"id":"\\ud800"}',
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_line_ends_in_one_message_with_its_place(kind: str, copy: PreferenceDir) -> None:
    with copy.comparisons_path.open("a") as file:
        file.write(HOSTILE[kind] + "\n")
    with pytest.raises(CorruptFileError) as refused:
        copy.comparisons()
    assert str(copy.comparisons_path) in refused.value.message and refused.value.hint
    assert len(refused.value.message) < 500


def test_bytes_that_are_no_text_are_refused(copy: PreferenceDir) -> None:
    with copy.comparisons_path.open("ab") as file:
        file.write(b"\xff\xfe\n")
    with pytest.raises(CorruptFileError, match="line 25"):
        copy.comparisons()


def test_a_million_comparisons_are_refused_before_they_are_read(copy: PreferenceDir) -> None:
    copy.comparisons_path.write_text('{"v":1}\n' * 1_000_000)
    with pytest.raises(CorruptFileError, match="1,000,000 lines"):
        copy.comparisons()


def change_episode(copy: PreferenceDir, change: Callable[[dict[str, Any]], None]) -> None:
    first, *others = copy.episodes_path.read_text().splitlines()
    document = json.loads(first)
    change(document)
    copy.episodes_path.write_text("\n".join([json.dumps(document), *others, ""]))


@pytest.mark.parametrize(
    "change",
    [
        {"seed": -1},
        {"length": 0},
        {"ended": "exploded"},
        {"episode": "e1"},
        {"actions": 7},
        {"obs_sha256": "0"},
    ],
    ids=str,
)
def test_a_hostile_episode_is_refused(change: dict[str, Any], copy: PreferenceDir) -> None:
    change_episode(copy, lambda document: document.update(change))
    with pytest.raises(CorruptFileError):
        copy.episodes()


@pytest.mark.parametrize("damage", ["preferences.yaml", "comparisons.jsonl"])
def test_list_and_show_survive_a_damaged_set(damage: str, copy: PreferenceDir) -> None:
    (copy.path / damage).write_text("{oops\n")
    cwd = copy.path.parent
    listed = inside("list", "--runs-dir", ".", "--json", cwd=cwd).json["preferences"]
    assert [(one["name"], one["status"]) for one in listed] == [("mine", "unreadable")]
    assert inside("show", "mine", "--runs-dir", ".", cwd=cwd).code == 5


def test_list_and_show_know_a_set(copy: PreferenceDir) -> None:
    cwd = copy.path.parent
    assert "mine" in inside("list", "--runs-dir", ".", cwd=cwd).stdout
    shown = inside("show", "mine", "--runs-dir", ".", "--json", cwd=cwd).json
    assert shown["pairs"] == 24 and shown["env_id"] == "CartPole-v1" and shown["fits"] == []
    assert set(shown["answers"]) == {"left", "right", "equal", "unclear"}
