"""Optuna's samplers, which say what points a search tries next. The only file that imports Optuna.

Nothing is kept in Optuna. For every generation a sampler is made anew from a seed and shown what the runs in
the sweep's folder came to, so a search that is stopped and resumed asks for the same points.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ppo_cli.errors import UsageError
from ppo_cli.sweeps.spec.params import Param
from ppo_cli.sweeps.spec.points import Point

DIGITS = 4
"""Significant digits of a sampled number: the name of a run shows its value, and typing it repeats it."""

STARTUP = 10
"""Points that TPE draws at random before it has something to go by, as in Optuna's own default."""

FEWEST = 8
"""Points below which nothing is said about which setting matters."""

_TRIES = 50


def generations(search: str, trials: int, together: int) -> list[int]:
    """List how many points a search asks for at a time, in order.

    Args:
        search: ``random`` asks for all at once; ``tpe`` first for some at random, then for a few at a time.
        trials: Points in all.
        together: How many TPE asks for at a time.
    """
    if search == "random":
        return [trials]
    sizes = [min(STARTUP, trials)]
    while (left := trials - sum(sizes)) > 0:
        sizes.append(min(together, left))
    return sizes


def check_installed() -> None:
    """Refuse to go on without Optuna.

    Raises:
        UsageError: It is not installed.
    """
    _optuna()


def ask(
    search: str,
    params: Sequence[Param],
    means: Mapping[Point, float],
    count: int,
    seed: int,
    is_valid: Callable[[Point], bool],
) -> list[Point]:
    """New points to try.

    Args:
        search: ``random`` or ``tpe``.
        params: What is searched.
        means: The points so far, with the mean return over seeds; NaN for one that has none.
        count: How many points to ask for.
        seed: The sweep's first seed; the draw follows from it and from how many points there are.
        is_valid: Whether the settings of a point go together; others are drawn again.

    Returns:
        Points that are not in ``means`` and differ from each other; fewer when there are no more.

    Raises:
        UsageError: Optuna is not installed.
    """
    optuna = _optuna()
    draw_seed = (seed * 1_000_003 + len(means)) % 2**32
    samplers: dict[str, Any] = {
        "random": lambda: optuna.samplers.RandomSampler(seed=draw_seed),
        "tpe": lambda: optuna.samplers.TPESampler(
            seed=draw_seed, n_startup_trials=STARTUP, multivariate=True, constant_liar=True
        ),
    }
    space = {param.name: _distribution(optuna, param) for param in params}
    study = optuna.create_study(direction="maximize", sampler=samplers[search]())
    for point, mean in means.items():
        study.add_trial(_trial(optuna, params, space, point, mean))
    points: dict[Point, None] = {}
    for _ in range(count * _TRIES):
        if len(points) == count:
            break
        drawn = study.ask(space).params
        point = Point(tuple((param.name, _value(param, drawn[param.name])) for param in params))
        if point not in means and is_valid(point):
            points[point] = None
    return list(points)


def importances(params: Sequence[Param], means: Mapping[Point, float]) -> dict[str, float]:
    """How much each swept setting matters, in shares of 1, the one that matters most first.

    By PED-ANOVA over the points that were trained: how differently a setting is distributed among the better
    points and among all (Watanabe, Bansal and Hutter 2023, "PED-ANOVA"). Whatever chose the points.

    Args:
        params: What is swept.
        means: The points with their mean return over seeds; NaN for one that has none.

    Returns:
        Nothing for fewer than two settings that vary or fewer than ``FEWEST`` points, or without Optuna.
    """
    done = {point: mean for point, mean in means.items() if math.isfinite(mean)}
    varied = [p for p in params if len({repr(dict(point.values)[p.name]) for point in done}) > 1]
    if len(varied) < 2 or len(done) < FEWEST or len(set(done.values())) < 2:
        return {}
    try:
        optuna = _optuna()
    except UsageError:
        return {}
    space = {param.name: _distribution(optuna, param) for param in varied}
    study = optuna.create_study(direction="maximize")
    for point, mean in done.items():
        study.add_trial(_trial(optuna, varied, space, point, mean))
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it calls itself experimental
        found: dict[str, float] = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return found if all(map(math.isfinite, found.values())) else {}


def _value(param: Param, drawn: Any) -> Any:
    """The value of a setting for what Optuna drew: an index into the values, or a number in the range."""
    if not param.is_range:
        return param.values[drawn]
    if isinstance(drawn, int):
        return drawn
    assert param.low is not None and param.high is not None
    return min(max(float(f"{drawn:.{DIGITS}g}"), float(param.low)), float(param.high))


def _distribution(optuna: Any, param: Param) -> Any:
    if not param.is_range:
        return optuna.distributions.CategoricalDistribution(range(len(param.values)))
    kinds = {int: optuna.distributions.IntDistribution, float: optuna.distributions.FloatDistribution}
    return kinds[type(param.low)](param.low, param.high, log=param.log)


def _trial(optuna: Any, params: Sequence[Param], space: dict[str, Any], point: Point, mean: float) -> Any:
    values = dict(point.values)
    drawn = {
        param.name: values[param.name] if param.is_range else param.values.index(values[param.name])
        for param in params
    }
    states = optuna.trial.TrialState
    state, value = (states.FAIL, None) if math.isnan(mean) else (states.COMPLETE, mean)
    return optuna.trial.create_trial(params=drawn, distributions=space, value=value, state=state)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise UsageError(
            "--search needs Optuna, which is not installed", hint="pip install 'ppo-cli[search]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna
