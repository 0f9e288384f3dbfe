"""Settings that change nothing are refused where a user gave them, and left out where nobody did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.cli_runner import inside, runs_in

from ppo_cli.config.dump import dump_config
from ppo_cli.config.resolve import with_values
from ppo_cli.errors import UsageError
from ppo_cli.prepare.resolve import resolve_settings


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"position": 1.0}, "reward_shaping.position: has no effect: mode off"),
        ({"mode": "log", "scale": 2.0}, "reward_shaping.scale: has no effect: mode log"),
        ({"custom": {"mine": 1.0}}, "reward_shaping.custom: has no effect"),
        ({"mode": "add"}, "mode add with all weights 0 pays for nothing"),
        ({"mode": "replace", "position": 1.0, "scale": 0.0}, "mode replace with all weights 0"),
        ({"clip_obs": 5.0}, "normalization.clip_obs: has no effect: normalize_obs is false"),
        ({"algorithm": "reinforce", "baseline": "none", "vf_coef": 1.0}, "learning.vf_coef: has no effect"),
        (
            {"num_epochs": 1, "num_minibatches": 1, "eps_clip": 0.3},
            "learning.eps_clip: has no effect: an upd",
        ),
        ({"algorithm": "grpo", "kl_coef": 0.0, "reference": "x"}, "learning.reference: has no effect"),
        ({"algorithm": "a2c", "reference": "x"}, "learning.reference: has no effect: reference_coef is 0"),
        ({"algorithm": "grpo", "reference_kl": 0.1}, "learning.reference_kl: has no effect"),
    ],
)
def test_what_would_change_nothing_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_settings("CartPole-v1", None, values=values)
    assert words in caught.value.message and caught.value.hint


@pytest.mark.parametrize(
    ("env", "values", "words"),
    [
        ("CartPole-v1", ("policy=beta",), "policy=beta is for continuous actions"),
        ("CartPole-v1", ("squash=true",), "network.squash: has no effect"),
        ("CartPole-v1", ("mode=add", "distance=1"), "CartPole-v1 has no shaping term 'distance'"),
        ("Pendulum-v1", ("mode=log", "angle=1"), "reward_shaping.angle: has no effect"),
    ],
)
def test_a_dry_run_refuses_what_a_training_refuses(
    env: str, values: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    sets = [word for value in values for word in ("--set", value)]
    for dry in ([], ["--dry-run"]):
        result = inside("train", "--env", env, *sets, *dry, cwd=tmp_path)
        assert result.code == 2 and words in result.stderr, result.stderr
    assert runs_in(tmp_path) == []


def test_the_useless_part_of_a_tuned_file_is_left_out() -> None:
    tuned = resolve_settings("Pendulum-v1", None).config
    plain = resolve_settings("Pendulum-v1", None, values={"normalize_obs": False, "log_std_init": 0.0}).config
    assert plain.normalization.clip_obs == 10.0 and plain != tuned


@pytest.mark.parametrize("values", [{"mode": "log"}, {"mode": "add", "position": 1.0}, {"position": 0.0}, {}])
def test_what_has_an_effect_or_is_a_default_is_taken(values: dict[str, Any]) -> None:
    resolve_settings("CartPole-v1", None, values=values)


@pytest.mark.parametrize(
    ("env", "values"),
    [
        ("CartPole-v1", {"reference": "near", "reference_coef": 0.0}),
        ("CartPole-v1", {"reference_kl": 0.1, "reference_coef": 0.0}),
        ("CartPole-v1", {"algorithm": "grpo", "kl_coef": 0.0, "reference": "near"}),
        ("CartPole-v1", {"algorithm": "reinforce", "baseline": "none", "vf_coef": 1.0}),
        ("CartPole-v1", {"mode": "off", "position": 1.0, "custom": {"mine": 1.0}}),
        ("CartPole-v1", {"mode": "add", "position": 0.0}),
        ("CartPole-v1", {"num_epochs": 1, "num_minibatches": 1, "eps_clip": 0.1}),
        ("Pendulum-v1", {"normalize_obs": False, "clip_obs": 5.0}),
    ],
    ids=str,
)
def test_what_a_run_was_trained_with_is_taken_from_its_file_as_it_is(
    env: str, values: dict[str, Any], tmp_path: Path
) -> None:
    """A point of a sweep may hold what its value of a swept setting makes useless."""
    to_be_swept = resolve_settings(env, None, values=values, to_be_swept=True).config
    path = tmp_path / "config.yaml"
    path.write_text(dump_config(to_be_swept))
    assert resolve_settings(None, path).config == to_be_swept
    assert resolve_settings(None, path, ["seed=7"]).config == with_values(to_be_swept, {"seed": 7})
    with pytest.raises(UsageError, match=r"has no effect|pays for nothing"):
        resolve_settings(env, None, values=values)


def test_a_price_that_stands_in_a_file_does_not_excuse_a_reference_that_is_typed(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(dump_config(resolve_settings("CartPole-v1", None).config))
    with pytest.raises(UsageError, match="reference_coef is 0"):
        resolve_settings(None, path, ["reference=near"])


def test_a_file_that_leaves_something_open_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("env_id: CartPole-v1\nreference: near\nreference_coef: 0.0\n")
    with pytest.raises(UsageError, match="reference_coef is 0"):
        resolve_settings(None, path)
