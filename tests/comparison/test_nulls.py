"""A result that was learned from preferences stands beside its nulls, or is said to stand without them."""

from __future__ import annotations

from pathlib import Path

from helpers.cli_runner import TINY, inside
from helpers.preference_sets import QUICK, make_set

from ppo_cli.api.reward_model import fit_reward_model


def test_a_comparison_says_which_nulls_are_missing(tmp_path: Path) -> None:
    make_set(tmp_path / "runs", "mine", "length=8", pairs=20)
    fit_reward_model("mine", settings=QUICK, runs_dir=tmp_path / "runs")
    for model in ("mine", "constant", "random"):
        words = ("--set", f"reward_model={model}", "--name", f"by-{model}", "--quiet")
        assert inside("train", *TINY, *words, cwd=tmp_path).code == 0
    bare = inside("compare", "by-mine", "by-random", "--json", cwd=tmp_path).json
    said = [text for text in bare["warnings"] if "null" in text]
    assert len(said) == 1 and "by-mine" in said[0] and "reward_model=constant" in said[0]
    nulls = ("--null", "by-constant", "--null", "by-random")
    whole = inside("compare", "by-mine", *nulls, "--json", cwd=tmp_path).json
    assert [group["name"] for group in whole["groups"]] == ["by-mine", "by-constant", "by-random"]
    assert not [text for text in whole["warnings"] if "null" in text]
