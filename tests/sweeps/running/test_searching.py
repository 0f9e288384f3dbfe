"""Sweeps that search."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.sweep_helpers import (
    QUICK,
    Reference,
    runner_of,
    sweep,
    sweep_files,
    tiny_spec,
)

from ppo_cli.errors import UsageError
from ppo_cli.sweeps.choose import optuna_search
from ppo_cli.sweeps.choose.optuna_search import ask
from ppo_cli.sweeps.folder.opening import open_sweep
from ppo_cli.sweeps.folder.sweep_yaml import read_spec
from ppo_cli.sweeps.spec.points import Point

SEARCHED = ("learning_rate=0.0001..0.1:log", "eps_clip=0.1,0.3")


def test_tpe_knows_what_the_points_came_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, dict[Point, float]]] = []

    def listening(kind: str, params: Any, means: dict[Point, float], *rest: Any) -> list[Point]:
        calls.append((kind, dict(means)))
        return ask(kind, params, means, *rest)

    monkeypatch.setattr(optuna_search, "ask", listening)
    done = sweep(tiny_spec(*SEARCHED, search="tpe", trials=11, num_seeds=2, base=QUICK), tmp_path)
    means = {result.point: result.mean for result in done.runner.results().points()}
    first, second = calls
    assert first == ("tpe", {}) and second[0] == "tpe"
    assert second[1] == dict(list(means.items())[:10])


@pytest.fixture(scope="module", params=["random", "tpe", "tpe and prune"])
def searched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A search that nothing has happened to."""
    kind, _, prune = request.param.partition(" and ")
    fields: dict[str, Any] = {"search": kind, "trials": 13, "num_seeds": 1, "prune": bool(prune)}
    return Reference.of(tiny_spec(*SEARCHED, base=QUICK, **fields), tmp_path_factory.mktemp("searched"))


@pytest.mark.parametrize("share", [0.1, 0.7])
def test_a_search_that_is_stopped_at_any_moment_comes_to_the_same_points(
    share: float, searched: Reference, tmp_path: Path
) -> None:
    whole, spec = searched.swept.runner.spec, replace(searched.swept.runner.spec, asked=())
    points = [point.label for point in whole.points()]
    assert len(set(points)) == 13 and ("pruned" in searched.swept.statuses.values()) == spec.prune
    stopped = sweep(spec, tmp_path, stop=searched.stop_at(share))
    assert stopped.reports[-1].stage == "stopped"
    again = sweep(spec, tmp_path)
    assert [point.label for point in read_spec(again.runner.folder.spec_path).points()] == points
    assert sweep_files(again.folder) == searched.files
    assert sweep(spec, tmp_path).executor.jobs == [] == runner_of(spec, tmp_path).missing()


def test_more_trials_add_points_to_a_search(tmp_path: Path) -> None:
    fields: dict[str, Any] = {"search": "random", "num_seeds": 1, "base": QUICK}
    first = sweep(tiny_spec(*SEARCHED, trials=3, **fields), tmp_path)
    more = sweep(tiny_spec(*SEARCHED, trials=5, **fields), tmp_path)
    assert more.folder == first.folder
    assert more.runner.spec.points()[:3] == first.runner.spec.points()
    assert len(more.executor.trained) == 2 and len(set(more.statuses)) == 5
    wider = tiny_spec("learning_rate=0.0001..0.2:log", *SEARCHED[1:], trials=5, **fields)
    with pytest.raises(UsageError, match="the search was over"):
        open_sweep(wider, tmp_path, None)


def test_before_a_search_starts_its_number_of_runs_is_known(tmp_path: Path) -> None:
    spec = tiny_spec(*SEARCHED, search="tpe", trials=13, base=QUICK)
    runner = runner_of(spec, tmp_path)
    coming = [run.name for part in runner.missing() for run in part]
    assert len(set(coming)) == 26 and runner.spec.asked == ()
    first = [point.label for point in sweep(spec, tmp_path).runner.spec.points()[:10]]
    assert {name.rpartition("-s")[0] for name in coming} >= set(first)
