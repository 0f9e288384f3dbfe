"""What settings matter: shares of the variance between runs, and what chance would do."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from ppo_cli.comparison.effects import Effect, effects, effects_sentence

SEEDS = 10
GRID = list(itertools.product((0.1, 0.2, 0.3), ("relu", "tanh"), range(SEEDS)))
SETTINGS = {"eps_clip": [clip for clip, _, _ in GRID], "activation": [kind for _, kind, _ in GRID]}


def noise(scale: float = 1.0) -> np.ndarray:
    return np.random.default_rng(3).normal(scale=scale, size=len(GRID))


def shares(returns: np.ndarray) -> dict[tuple[str, ...], Effect]:
    return {effect.names: effect for effect in effects(SETTINGS, returns.tolist())}


def test_a_setting_that_matters_is_told_from_one_that_does_not() -> None:
    returns = 100 * np.array(SETTINGS["eps_clip"]) + noise()
    found = shares(returns)
    assert found["eps_clip",].share > 0.95 and found["eps_clip",].p_value < 1e-6
    assert found["activation",].share < 0.02 and found["activation",].p_value > 0.05
    assert effects(SETTINGS, returns.tolist())[0].names == ("eps_clip",)


def test_an_interaction_is_what_two_settings_do_together_and_neither_alone() -> None:
    signs = {(0.1, "relu"): 1, (0.1, "tanh"): -1, (0.3, "relu"): -1, (0.3, "tanh"): 1}
    returns = np.array([10.0 * signs.get((clip, kind), 0) for clip, kind, _ in GRID]) + noise()
    found = shares(returns)
    both = found["eps_clip", "activation"]
    assert both.share > 0.9 and both.p_value < 1e-6 and both.text == "eps_clip × activation"
    assert found["eps_clip",].share < 0.05 and found["activation",].share < 0.05


def test_on_a_full_grid_effects_and_seeds_add_up_to_all_of_the_variance() -> None:
    returns = 30 * np.array(SETTINGS["eps_clip"]) + noise(5.0)
    cells = [returns[index : index + SEEDS] for index in range(0, len(GRID), SEEDS)]
    of_seeds = (
        sum(((cell - cell.mean()) ** 2).sum() for cell in cells) / ((returns - returns.mean()) ** 2).sum()
    )
    total = sum(effect.share for effect in shares(returns).values())
    assert math.isclose(total + of_seeds, 1.0, rel_tol=1e-9)


def test_an_effect_has_the_p_value_of_scipys_analysis_of_one_setting() -> None:
    from scipy import stats

    returns = 5 * np.array(SETTINGS["eps_clip"]) + noise()
    alone = {"eps_clip": SETTINGS["eps_clip"], "half": [index % 2 for index in range(len(GRID))]}
    (effect,) = [found for found in effects(alone, returns.tolist()) if found.names == ("eps_clip",)]
    by_clip = [returns[np.array(SETTINGS["eps_clip"]) == clip] for clip in (0.1, 0.2, 0.3)]
    expected = stats.f_oneway(*by_clip).pvalue
    assert expected < effect.p_value < 10 * expected, "three effects are tested, and one more takes freedom"


def test_chance_alone_is_called_chance() -> None:
    wrong = 0
    for seed in range(200):
        returns = np.random.default_rng(seed).normal(size=len(GRID))
        wrong += any(effect.p_value < 0.05 for effect in shares(returns).values())
    assert wrong <= 20, "the chance of one false effect in a study is 5 %"


def test_many_numbers_are_cut_into_thirds() -> None:
    rng = np.random.default_rng(1)
    rates, gammas = rng.uniform(size=60), rng.uniform(size=60)
    found = effects({"rate": rates.tolist(), "gamma": gammas.tolist()}, (10 * rates).tolist())
    assert found[0].names == ("rate",) and found[0].share > 0.7


@pytest.mark.parametrize(
    ("settings", "returns"),
    [
        ({}, []),
        ({"a": [1, 2] * 5}, range(10)),
        ({"a": [1, 2] * 5, "b": [1] * 10}, range(10)),
        ({"a": [1, 2] * 3, "b": [1, 1, 2] * 2}, range(6)),
        ({"a": [1, 2] * 5, "b": [1, 1, 2, 2, 1] * 2}, [3.0] * 10),
        ({"a": [1, 2] * 5, "b": ["x", "y"] * 5}, range(10)),  # they change together: nobody can tell
    ],
)
def test_where_nothing_can_be_told_nothing_is(settings: dict[str, list[int]], returns: range) -> None:
    assert effects(settings, [float(value) for value in returns]) == []


def test_without_seeds_there_are_main_effects_and_no_interactions() -> None:
    one = {name: values[::SEEDS] * 2 for name, values in SETTINGS.items()}
    found = effects({name: values[:6] + values[:2] for name, values in one.items()}, np.arange(8.0).tolist())
    assert all(len(effect.names) == 1 or not math.isnan(effect.p_value) for effect in found)


def test_the_sentence_names_what_is_sure_and_what_is_not() -> None:
    sure, unsure = Effect(("gamma",), 0.41, 0.001), Effect(("eps_clip",), 0.02, 0.7)
    text = effects_sentence([sure, unsure])
    assert "gamma 41%" in text and "59% is left to seeds" in text and "as much as eps_clip" in text
    assert "no setting" in effects_sentence([unsure])
    assert effects_sentence([]) == ""
    assert Effect.from_json(sure.to_json()) == sure
