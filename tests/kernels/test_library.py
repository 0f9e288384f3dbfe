"""The library is found, tried before it is trusted, and done without in words."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ppo_cli.kernels import library as library_module
from ppo_cli.kernels import self_test, targets, verdicts
from ppo_cli.kernels.library import Library, available
from ppo_cli.kernels.summary import summary


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A cache of its own, and nothing loaded yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    library_module._available.cache_clear()
    yield
    library_module._available.cache_clear()


def test_every_build_passes_its_test(builds: dict[str, ctypes.CDLL]) -> None:
    assert {name: self_test.complaint(lib) for name, lib in builds.items()} == dict.fromkeys(builds, "")


def test_each_instruction_set_can_be_forced(
    builds: dict[str, ctypes.CDLL], monkeypatch: pytest.MonkeyPatch
) -> None:
    for level in builds:
        monkeypatch.setenv("PPO_KERNELS", level)
        found = available()
        assert isinstance(found, Library) and found.instruction_set == level


@pytest.mark.parametrize(
    ("choice", "reason"),
    [("off", "switched off by PPO_KERNELS=off"), ("avx2", "PPO_KERNELS=avx2: choose from off")],
)
def test_none_can_be_forced_too(choice: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PPO_KERNELS", choice)
    found = available()
    assert isinstance(found, str) and found.startswith(reason)
    assert summary().ok and "torch does the work" in summary().detail


def test_the_best_that_the_processor_has_is_taken(library: Library, builds: dict[str, ctypes.CDLL]) -> None:
    assert library.instruction_set == list(builds)[-1]


def test_an_older_processor_gets_what_it_can_do(library: Library) -> None:
    class Older:
        def cpu_level(self) -> int:
            return 3

    assert library_module.usable(["x86-64-v4", "x86-64-v3"], Older()) == ["x86-64-v3"]  # type: ignore[arg-type]


def test_a_library_that_computes_something_else_is_not_used(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(self_test, "TESTS", {"start states": lambda lib: False})
    assert available() == "not used here: its start states differ from what NumPy gives"
    found = summary()
    assert not found.ok and "torch does the work" in found.detail and "report" in found.fix


def test_a_library_without_a_function_is_not_used(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_test, "TESTS", {"start states": lambda lib: lib.no_such_function})
    found = available()
    assert isinstance(found, str) and "lacks a function" in found


def test_libraries_of_other_sources_are_not_there(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "sources_hash", lambda: "0" * 12)
    found = available()
    assert isinstance(found, str) and found.startswith("not built")
    assert "python -m ppo_cli.kernels.build" in summary().fix


def test_a_file_that_is_no_library_is_done_without(
    library: Library, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken").write_text("not a library")
    monkeypatch.setattr(library_module, "library_path", lambda target, level: tmp_path / "broken")
    found = available()
    assert isinstance(found, str) and found.startswith("the library cannot be loaded")


def test_there_is_none_for_an_unknown_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library_module, "this_target", lambda: "plan9-mips")
    assert available() == "there are none for plan9-mips"


# ------------------------------------------------------------------------------------------------- verdicts


def test_a_verdict_is_found_once_and_remembered_for_its_key() -> None:
    asked: list[str] = []

    def verdict(words: str) -> str:
        return verdicts.remembered(words, lambda: asked.append(words) or f"{words} is wrong")

    assert [verdict("a"), verdict("a"), verdict("b")] == ["a is wrong", "a is wrong", "b is wrong"]
    assert asked == ["a", "b"]


@pytest.mark.parametrize(
    "content", ["", "no JSON", "[]", '{"key": "another", "verdict": ""}', '{"key": "a"}']
)
def test_a_damaged_verdict_is_made_again(content: str) -> None:
    assert verdicts.remembered("a", lambda: "x") == "x"
    folder = verdicts.cache_folder()
    assert folder is not None
    (path,) = folder.iterdir()
    path.write_text(content)
    assert verdicts.remembered("a", lambda: "y") == "y"
    assert json.loads(path.read_text()) == {"key": "a", "verdict": "y"}
    assert list(folder.iterdir()) == [path]


def test_without_a_place_for_it_a_verdict_is_made_each_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert verdicts.remembered("a", lambda: "x") == "x"
    assert verdicts.remembered("a", lambda: "y") == "y"


def test_without_a_home_a_verdict_is_made_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setattr(Path, "home", no_home)
    assert verdicts.remembered("a", lambda: "x") == "x"
    assert verdicts.remembered("a", lambda: "y") == "y"
