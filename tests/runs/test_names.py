"""Names of runs: plain, short, and none that leads out of the runs directory."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppo_cli.errors import UsageError
from ppo_cli.runs.names import check_run_name, default_run_name
from ppo_cli.runs.run_dir import create_run_dir


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.mark.parametrize(
    ("env_id", "algorithm", "seed", "name"),
    [
        ("LunarLander-v3", "ppo-clip", 1, "LunarLander-v3-ppo-clip-s1"),
        ("my_module:MyEnv-v0", "ppo-clip", 7, "my_module-MyEnv-v0-ppo-clip-s7"),
        ("ALE/Pong-v5", "grpo", 0, "ALE-Pong-v5-grpo-s0"),
        ("../../etc", "ppo-clip", 1, "etc-ppo-clip-s1"),
        ("æ", "ppo-clip", 1, "env-ppo-clip-s1"),
        ("x" * 300, "ppo-clip", 2**32 - 1, "x" * 79 + "-ppo-clip-s4294967295"),
    ],
)
def test_a_run_is_named_after_environment_algorithm_and_seed(
    env_id: str, algorithm: str, seed: int, name: str
) -> None:
    assert default_run_name(env_id, algorithm, seed) == name


BAD_NAMES = [
    "", " ", ".", "..", "...", "/", "/etc/x", "../x", "a/../../x", "a/b", "a\\b", "C:\\x", "C:x", "~",
    "~root/x", ".hidden", "-name", "a\x00b", "a\nb", "a\tb", "a b", "a b ", "name.", "name ", "con",
    "CON", "nul.txt", "Com1", "lpt9.log", "aux", "latest", "LATEST", "na\xefve", "\uff52\uff55\uff4e",
    "run\u202egnp", "run\u200b", "ran\u0301", "a\u2215b", "x" * 101, "x" * 5000, "$(id)", "`id`", "a;b",
    "a|b", "a*b", "a?b", "[/foo]", "\x1b[31mred", "a:b", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_could_escape_or_mislead_is_refused(runs: Path, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        create_run_dir(runs, name)
    assert caught.value.exit_code == 2
    assert caught.value.key == "name"
    assert len(caught.value.message) < 400
    assert caught.value.message.isprintable()
    assert not runs.exists()


@pytest.mark.parametrize(
    "name", ["a", "7", "LunarLander-v3-ppo-clip-s1", "a.b_c+d=e@f-g", "x" * 100, "console", "com10"]
)
def test_a_plain_name_is_accepted(runs: Path, name: str) -> None:
    assert create_run_dir(runs, name).path == runs / name


@given(st.text(max_size=120))
def test_whatever_is_typed_stays_in_the_runs_directory(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    with contextlib.suppress(UsageError):
        check_run_name(name)
        runs = tmp_path_factory.getbasetemp() / "typed"
        assert (runs / name).resolve().parent == runs.resolve()
        assert create_run_dir(runs, name).path.resolve().parent == runs.resolve()
