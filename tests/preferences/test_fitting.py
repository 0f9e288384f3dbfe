"""Fitting: members are independent, a stopped fit goes on to the same bits, what is held out stays unseen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.cli_runner import inside
from helpers.preference_sets import QUICK, fit_of, fit_to, make_set

from ppo_cli.api.reward_model import fit_reward_model, pairs_of
from ppo_cli.errors import UsageError
from ppo_cli.preferences.fitting import FitState, fit_model
from ppo_cli.preferences.folder import PreferenceDir
from ppo_cli.preferences.judging import calibration_error, ceiling, judgement, wilson
from ppo_cli.preferences.records import Clip, Comparison
from ppo_cli.preferences.split import NOWHERE, shares_of_pairs


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PreferenceDir:
    return make_set(tmp_path_factory.mktemp("sets"), "mine", "length=10", "at_end=0.8", pairs=40)


NETWORKS = pytest.mark.parametrize(
    "words", [(), ("potential=false",), ("network=transformer", "width=8")], ids=str
)


@NETWORKS
def test_a_member_is_fitted_to_the_bits_that_it_has_alone(words: Sequence[str], made: PreferenceDir) -> None:
    data = pairs_of(made, allow_import=False)
    together, state = fit_model(fit_to(data, 10, "members=3", *words))
    assert state.best_epoch.max() > 1
    for member in range(3):
        alone, own = fit_model(fit_to(data, 10, "members=3", *words, members=[member]))
        assert torch.equal(alone.params[0], together.params[member])
        assert torch.equal(own.best_loss[0], state.best_loss[member])
        torch.testing.assert_close(alone.scale[0], together.scale[member], rtol=0, atol=0)


@NETWORKS
def test_a_fit_goes_on_from_any_pass_to_the_same_bits(words: Sequence[str], made: PreferenceDir) -> None:
    fit = fit_of(made, *words)
    whole, state = fit_model(fit)
    for stop_at in range(1, state.epoch):
        begun = fit.begin()
        for begun in fit.run(begun):  # noqa: B020  the state is always the same object
            if begun.epoch == stop_at:
                break
        tensors = {name: value.copy() for name, value in begun.tensors().items()}
        other = fit_of(made, *words)
        again = FitState.of(stop_at, tensors)
        for _ in other.run(again):
            pass
        assert torch.equal(other.model(again).params, whole.params)
        assert again.epoch == state.epoch


def test_a_stopped_command_goes_on_and_a_complete_one_is_not_repeated(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_set(tmp_path, name, "length=10", pairs=30)
    expected = fit_reward_model("a", settings=QUICK, runs_dir=tmp_path)
    passes = []
    assert fit_reward_model("b", settings=QUICK, runs_dir=tmp_path, stop=lambda: True) is None
    assert fit_reward_model("b", settings=QUICK, runs_dir=tmp_path, stop=lambda: True) is None
    report = fit_reward_model(
        "b", settings=QUICK, runs_dir=tmp_path, progress=lambda done, of: passes.append(done)
    )
    assert passes[0] == 3
    assert report and expected and report["reward_sha256"] == expected["reward_sha256"]
    assert report["accuracy"] == expected["accuracy"] and report["members"] == expected["members"]
    assert fit_reward_model("b", settings=QUICK, runs_dir=tmp_path) == report
    assert [path.name for path in (tmp_path / "b" / "fits").iterdir()] == ["0001"]
    assert sorted(path.name for path in (tmp_path / "b" / "fits" / "0001").iterdir()) == [
        "fit.json", "report.json", "reward.safetensors",
    ]  # fmt: skip
    make_set(tmp_path, "b", "length=10", pairs=35)
    fit_reward_model("b", settings=QUICK, runs_dir=tmp_path)
    assert len(list((tmp_path / "b" / "fits").iterdir())) == 2


def test_no_member_learns_from_what_it_is_judged_by(made: PreferenceDir) -> None:
    fit = fit_of(made, "members=4")
    assert sorted(set(fit.shares.tolist())) == [0, 1, 2, 3]
    batch = fit._order
    for member in range(4):
        seen = set(batch.index[member][batch.weights[member] > 0].tolist())
        held_out = set(np.flatnonzero(fit.shares == member).tolist())
        assert seen | held_out == set(range(len(fit.data))) and not seen & held_out
        one, other = (episodes_of([fit.data.comparisons[n] for n in group]) for group in (seen, held_out))
        assert not one & other


def episodes_of(comparisons: Sequence[Comparison]) -> set[str]:
    return {clip.episode for one in comparisons for clip in (one.a, one.b)}


def pair(number: int, a: str, b: str, answer: str = "left", **how: object) -> Comparison:
    return Comparison(number, Clip(a, 0, 5), Clip(b, 0, 5), "a", answer, "me", **how)  # type: ignore[arg-type]


def test_pairs_that_share_an_episode_or_a_start_are_held_out_together() -> None:
    chain = [pair(n, f"e{2 * n}", f"e{2 * n + 1}") for n in range(40)] + [pair(40, "e0", "e81")]
    shares = shares_of_pairs(chain, 4, seed=1)
    assert shares[0] == shares[40] and NOWHERE not in shares
    starts = {f"e{n}": n // 4 for n in range(82)}  # pairs 0 and 1 begin alike, and 2 and 3
    shares = shares_of_pairs(chain[:40], 4, seed=1, starts=starts)
    assert (shares[0::2] == shares[1::2]).all()
    assert np.bincount(shares).tolist() == [10, 10, 10, 10]


def test_where_all_pairs_hang_together_episodes_are_dealt_out_and_mixed_pairs_are_left_out() -> None:
    rng = np.random.default_rng(1)
    tangled = [pair(n, *(f"e{i}" for i in rng.choice(12, 2, replace=False))) for n in range(200)]
    shares = shares_of_pairs(tangled, 3, seed=1)
    assert NOWHERE in shares
    for share in range(3):
        own = episodes_of([tangled[n] for n in np.flatnonzero(shares == share)])
        rest = episodes_of([tangled[n] for n in np.flatnonzero((shares != share) & (shares >= 0))])
        assert not own & rest


def test_judgement_by_hand() -> None:
    answers = [
        pair(0, "e0", "e1", "left", returns=(4.0, 0.0)),
        pair(1, "e2", "e3", "right", returns=(0.0, 3.0)),
        pair(2, "e4", "e5", "left", returns=(0.2, 0.0)),
        pair(3, "e6", "e7", "equal", returns=(0.0, 0.0)),
        pair(4, "e0", "e1", "right", repeat=0, returns=(4.0, 0.0)),
    ]
    document = judgement(answers, np.array([1.0, -1.0, -1.0, 5.0, 1.0]))
    accuracy = document["accuracy"]
    assert accuracy["pairs"] == 3 and accuracy["held_out"] == pytest.approx(2 / 3)
    assert accuracy["larger_half"] == 1.0 and accuracy["ceiling"] == 0.5
    assert document["tie_rate"] == pytest.approx(0.2)
    assert ceiling(0.82) == pytest.approx(0.9)
    assert calibration_error(np.array([0.95, 0.95]), np.array([1.0, 0.0])) == pytest.approx(0.45)
    assert wilson(9, 10) == pytest.approx((0.596, 0.982), abs=1e-3)


def test_the_command_says_how_good_it_is_and_draws_it(tmp_path: Path) -> None:
    make_set(tmp_path / "runs", "mine", "length=10", pairs=60)
    words = [word for setting in QUICK for word in ("--set", setting)]
    result = inside("reward-model", "mine", *words, "--curve", "--plot", "fit", "--json", cwd=tmp_path)
    assert result.code == 0, result.stderr
    document = result.json
    assert {"preferences_dir", "fit", "pairs_used", "accuracy", "network", "seconds"} <= set(document)
    assert {"held_out", "larger_half", "ceiling"} <= set(document["accuracy"])
    assert [point["pairs"] for point in document["curve"]] == [25, 50, document["pairs_used"]]
    assert (tmp_path / "fit.png").exists() and (tmp_path / "fit.svg").exists()
    shown = inside("reward-model", "mine", *words, cwd=tmp_path)
    assert "held-out accuracy" in shown.stdout and "reward_model=constant" in " ".join(shown.stderr.split())
    assert json.loads((tmp_path / document["fit"] / "report.json").read_text())["pairs_used"] > 50
    assert inside("show", "mine", "--json", cwd=tmp_path).json["fits"][0]["name"] == "0001"


def test_a_set_that_says_nothing_cannot_be_fitted_to(tmp_path: Path) -> None:
    folder = make_set(tmp_path, "mine", "length=10", "skip=0.99", pairs=2)
    folder.comparisons_path.write_text(
        folder.comparisons_path.read_text().replace('"answer":"left"', '"answer":"unclear"')
        .replace('"answer":"right"', '"answer":"unclear"').replace('"answer":"equal"', '"answer":"unclear"')
    )  # fmt: skip
    with pytest.raises(UsageError, match="no comparison that says"):
        fit_reward_model("mine", runs_dir=tmp_path)
