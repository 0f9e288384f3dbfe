"""What the words of ``ppo compare`` mean: runs, sweeps, points, series of seeds, globs, names."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.run_folders import make_group, make_run, make_sweep

from ppo_cli.comparison.groups import find_groups
from ppo_cli.errors import CorruptFileError, UsageError

SERIES = "CartPole-v1-ppo-clip"
SWEEP = "CartPole-v1-eps_clip"


@pytest.fixture
def filled(runs_dir: Path) -> Path:
    """Two seeds of a training, a lone run, and a sweep of three points with held-out runs."""
    make_group(runs_dir, SERIES, [100.0, 110.0])
    make_run(runs_dir, "other-s3")
    sweep = make_sweep(
        runs_dir, SWEEP, {"eps_clip=0.2": [1.0, 2.0], "eps_clip=0.05": [3.0], "eps_clip=10": [4.0]}
    )
    make_group(sweep / "held-out", "eps_clip=0.2", [9.0])
    return runs_dir


def meant(runs_dir: Path, *words: str) -> dict[str, list[str]]:
    """Names of groups to names of their runs."""
    return {group.name: [run.name for run in group.runs] for group in find_groups(runs_dir, words)}


def refusal(runs_dir: Path, *words: str) -> str:
    with pytest.raises(UsageError) as caught:
        find_groups(runs_dir, words)
    return f"{caught.value.message} ({caught.value.hint})"


@pytest.mark.parametrize("word", ["other-s3", "other", "runs/other-s3", "./runs/other-s3"])
def test_a_run_is_a_group_of_one(filled: Path, word: str) -> None:
    assert meant(filled, word) == {"other-s3": ["other-s3"]}


def test_what_the_runs_of_several_seeds_begin_with_means_all_of_them(filled: Path) -> None:
    for seed in (10, 3):
        make_run(filled, f"{SERIES}-s{seed}")
    expected = [f"{SERIES}-s{seed}" for seed in (1, 2, 3, 10)]
    assert meant(filled, SERIES) == {SERIES: expected}, "in the order of their seeds"
    assert meant(filled, f"runs/{SERIES}") == {SERIES: expected}


def test_a_later_training_of_the_same_name_is_left_out_and_said_so(filled: Path) -> None:
    make_run(filled, f"{SERIES}-s1-2", seed=1)
    (group,) = find_groups(filled, [SERIES])
    assert len(group.runs) == 2
    assert any(f"{SERIES}-s1-2" in note for note in group.notes)


def test_a_sweep_means_its_points_in_the_order_of_their_values_without_its_held_out_runs(
    filled: Path,
) -> None:
    assert meant(filled, SWEEP) == {
        "eps_clip=0.05": ["eps_clip=0.05-s1"],
        "eps_clip=0.2": ["eps_clip=0.2-s1", "eps_clip=0.2-s2"],
        "eps_clip=10": ["eps_clip=10-s1"],
    }


def test_the_beginning_of_a_sweep_means_it_unless_runs_begin_so_too(filled: Path) -> None:
    assert list(meant(filled, "CartPole-v1-eps")) == ["eps_clip=0.05", "eps_clip=0.2", "eps_clip=10"]
    make_group(filled, f"{SWEEP}-more", [1.0, 2.0])
    assert "is the beginning of several" in refusal(filled, "CartPole-v1-eps")
    assert len(meant(filled, SWEEP)) == 3, "its whole name means the sweep"


def test_a_point_of_a_sweep_means_its_seeds(filled: Path) -> None:
    assert meant(filled, f"{SWEEP}/eps_clip=0.2") == {"eps_clip=0.2": ["eps_clip=0.2-s1", "eps_clip=0.2-s2"]}


def test_points_of_several_sweeps_are_told_apart_by_the_sweeps_name(filled: Path) -> None:
    make_sweep(filled, "second", {"eps_clip=0.2": [5.0]})
    names = list(meant(filled, f"{SWEEP}/eps_clip=0.2", "second"))
    assert names == [f"{SWEEP}/eps_clip=0.2", "second/eps_clip=0.2"]


def test_a_glob_is_one_group(filled: Path) -> None:
    both = [f"{SERIES}-s1", f"{SERIES}-s2"]
    assert meant(filled, "CartPole*clip-s*") == {"CartPole*clip-s*": both}
    assert meant(filled, "runs/CartPole*clip-s*") == {"runs/CartPole*clip-s*": both}
    assert meant(filled, f"{SWEEP}/*=0.*-s1") == {
        f"{SWEEP}/*=0.*-s1": ["eps_clip=0.05-s1", "eps_clip=0.2-s1"]
    }


def test_a_name_in_front_renames_whatever_follows(filled: Path) -> None:
    assert list(meant(filled, f"a={SERIES}", "b=other*", f"c={SWEEP}/eps_clip=10")) == ["a", "b", "c"]
    assert next(iter(meant(filled, f"old={SWEEP}"))) == "old/eps_clip=0.05"


def test_a_name_given_twice_joins_and_a_run_given_twice_counts_once(filled: Path) -> None:
    (group,) = find_groups(filled, [f"all={SERIES}", f"all={SERIES}-s1", "all=other"])
    assert [run.name for run in group.runs] == [f"{SERIES}-s1", f"{SERIES}-s2", "other-s3"]
    assert group.notes == (f"all: {SERIES}-s1 is given twice and counts once",)


def test_a_run_whose_name_has_an_equals_sign_is_itself_not_a_named_group(filled: Path) -> None:
    make_run(filled, "a=other-s5")
    assert meant(filled, "a=other-s5") == {"a=other-s5": ["a=other-s5"]}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["othr-s3"], "did you mean other-s3"),
        (["CartPole-v1-ppo-clp"], f"did you mean {SERIES}"),
        ([f"{SWEEP}/eps_clip=0.3"], "has no point 'eps_clip=0.3' (did you mean eps_clip=0.2"),
        (["eps_clip=0.2"], f"{SWEEP}/eps_clip=0.2"),
        (["nothing*"], "'nothing*' matches no run folder"),
        (["*eps_clip"], f"but the sweep {SWEEP}"),
        (["name="], "no run, sweep or series of seeds 'name='"),
        (["C"], f"is the beginning of several: {SERIES}, {SERIES}-s1"),
        (["CartPole-v1-ppo"], f"(did you mean {SERIES}?)"),
        ([""], "no run, sweep or series of seeds ''"),
    ],
)
def test_what_means_nothing_is_refused_with_near_names(filled: Path, words: list[str], message: str) -> None:
    assert message in refusal(filled, *words)


def test_an_empty_runs_folder_says_how_to_fill_it(runs_dir: Path) -> None:
    assert "ppo train" in refusal(runs_dir, "anything")


def test_a_sweep_without_runs_is_said_to_be_so(filled: Path) -> None:
    make_sweep(filled, "begun", {})
    assert "begun has no runs yet" in refusal(filled, "begun")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([SERIES, SERIES], f"{SERIES} is given twice"),
        ([SERIES, f"other={SERIES}"], f"{SERIES} and other are the same runs"),
        ([SERIES, f"{SERIES}-s1"], f"{SERIES}-s1 is in two groups"),
        (["CartPole*-s1", f"a={SERIES}"], f"{SERIES}-s1 is in two groups"),
    ],
)
def test_groups_that_share_runs_are_refused(filled: Path, words: list[str], message: str) -> None:
    assert message in refusal(filled, *words)


def test_runs_of_one_name_in_two_folders_need_names(filled: Path, tmp_path: Path) -> None:
    make_run(tmp_path / "elsewhere", "other-s3")
    assert "two groups are called other-s3" in refusal(filled, "other-s3", "elsewhere/other-s3")
    assert list(meant(filled, "a=other-s3", "b=elsewhere/other-s3")) == ["a", "b"]


def test_a_symbolic_link_is_not_followed(filled: Path) -> None:
    (filled / "link-s1").symlink_to(filled / "other-s3")
    with pytest.raises(CorruptFileError):
        find_groups(filled, ["link-s1"])
    assert meant(filled, "*-s3") == {"*-s3": ["other-s3"]}
    assert "matches no run" in refusal(filled, "link*")
