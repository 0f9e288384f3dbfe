"""Every algorithm of the registry is there, says what it logs, and is told in words what it lacks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from helpers.probe_envs import ActionChoosesReward, probe_id
from helpers.training_helpers import make_config, population
from torch import Tensor

from ppo_cli.config import algorithms
from ppo_cli.config.algorithms import ALGORITHMS, check_declarations
from ppo_cli.config.sections import Learning
from ppo_cli.errors import UsageError
from ppo_cli.learn.algorithms import ppo_clip
from ppo_cli.learn.algorithms.base import Algorithm
from ppo_cli.learn.algorithms.ppo_clip import PpoClip
from ppo_cli.learn.algorithms.registry import make_algorithm
from ppo_cli.learn.build import open_population
from ppo_cli.learn.trainer import collect, learn, relabel
from ppo_cli.metrics import columns


def logged(algorithm: str) -> set[str]:
    """What one iteration logs."""
    config = make_config(probe_id(ActionChoosesReward), algorithm=algorithm, num_envs=8, num_steps=24)
    with open_population(population([config])) as state:
        seen, metrics = relabel(state, collect(state))
        return set(metrics) | set(learn(state, seen))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_has_a_class_of_its_own(name: str) -> None:
    kind = type(make_algorithm(name, Learning()))
    assert issubclass(kind, Algorithm)
    assert [other for other in ALGORITHMS if type(make_algorithm(other, Learning())) is kind] == [name]


@pytest.mark.parametrize("name", ALGORITHMS)
def test_what_an_algorithm_logs_is_what_the_table_of_metrics_says(name: str) -> None:
    declared = columns(make_config("CartPole-v1", algorithm=name, num_envs=8, num_steps=24), ())
    also = {"rollout/kl_reference"} & set(declared)
    assert logged(name) == {metric for metric in declared if metric.startswith("train/")} | also


# ---------------------------------------------------------------------- what the author of one is told


def change(patch: pytest.MonkeyPatch, **facts: Any) -> None:
    patch.setitem(algorithms.ALGORITHMS, "ppo-clip", replace(ALGORITHMS["ppo-clip"], **facts))


def refusal(call: Any, *args: Any) -> str:
    with pytest.raises(UsageError) as refused:
        call(*args)
    assert refused.value.hint
    return f"{refused.value.message}; {refused.value.hint}"


def test_a_setting_that_does_not_exist_or_has_no_role_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Learning.model_fields
    check_declarations(known)
    change(monkeypatch, settings=("num_epochs", "eps_clipp"))
    assert "ppo-clip uses the setting 'eps_clipp', which does not exist" in refusal(check_declarations, known)
    change(monkeypatch, settings=("num_epochs", "gamma"))
    assert "the setting gamma of the algorithm ppo-clip has no role" in refusal(check_declarations, known)


@pytest.mark.parametrize("code", ["ppo_clip:PpoClipp", "ppo_clipp:PpoClip"])
def test_a_class_that_is_not_there_is_named(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch, code=code)
    assert code.partition(":")[2] in refusal(make_algorithm, "ppo-clip", Learning())


class WithoutLoss(Algorithm):
    targets = PpoClip.targets


class Stranger:
    pass


@pytest.mark.parametrize(
    ("kind", "words"), [(WithoutLoss, "has no loss"), (Stranger, "is no Algorithm")], ids=["loss", "base"]
)
def test_a_class_that_is_no_whole_algorithm_is_told_what_it_lacks(
    kind: type, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ppo_clip, "PpoClip", kind)
    assert words in refusal(make_algorithm, "ppo-clip", Learning())


def test_a_metric_that_is_not_declared_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = PpoClip.metrics

    def more(*args: Any) -> dict[str, Tensor]:
        return (found := metrics(*args)) | {"train/secret": found["train/policy_loss"]}

    monkeypatch.setattr(PpoClip, "metrics", more)
    message = refusal(logged, "ppo-clip")
    assert "ppo-clip logs train/secret, which is not declared" in message
    assert "ppo_cli/config/algorithms.py" in message
