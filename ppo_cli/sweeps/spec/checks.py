"""Checks of a sweep before anything of it runs."""

from __future__ import annotations

from numbers import Integral
from typing import Any, NoReturn, get_args

from ppo_cli.config.algorithms import objection, users_of, uses
from ppo_cli.config.choices import MAX_SEED
from ppo_cli.config.sections import SHAPING_TERMS
from ppo_cli.config.settings import BY_PATH
from ppo_cli.config.values import get_value
from ppo_cli.envs.whole_episodes import check_whole_episodes
from ppo_cli.errors import UsageError
from ppo_cli.sweeps.spec.rungs import RUNGS, rung_iteration
from ppo_cli.sweeps.spec.sweep_spec import Search, SweepSpec

MAX_RUNS = 10_000
MAX_SEEDS = 1_000
MAX_ENVS = 10
MAX_KEPT_VALUES = 3_000
"""Values that ``sweep.yaml`` may hold: a longer file would not be read back."""

MIN_PRUNED_POINTS = 4
NORMALIZE_OBS = "normalization.normalize_obs"


def check_spec(spec: SweepSpec) -> None:
    """Refuse a sweep that cannot be trained, or would not answer anything.

    Raises:
        UsageError: The first thing that is wrong.
    """
    if not spec.params:
        raise UsageError("no setting is swept", hint="name one, such as --param eps_clip", key="params")
    _check_whole_numbers(spec)
    _check_search(spec)
    _check_counts(spec)
    _check_size(spec)
    _check_pruning(spec)
    _check_objective(spec)
    _check_uses(spec)
    _check_effects(spec)
    _check_points(spec)


def _check_whole_numbers(spec: SweepSpec) -> None:
    """Refuse what a Python program may give in place of a whole number."""
    given: dict[str, object] = {"seeds": spec.num_seeds, "confirm": spec.confirm, "trials": spec.trials or 0}
    for key, number in given.items():
        if isinstance(number, bool) or not isinstance(number, Integral):
            _refuse(key, f"{number!r} is not a whole number")


def _check_search(spec: SweepSpec) -> None:
    if spec.search not in get_args(Search):
        _refuse("search", f"{spec.search!r} is not allowed; expected one of {', '.join(get_args(Search))}")
    if spec.search == "grid":
        if spec.trials is not None:
            _refuse("trials", "a grid has no trials: it trains every point", "add --search random or tpe")
        return
    if spec.trials is None:
        _refuse("trials", f"--search {spec.search} needs a number of points to draw", "such as --trials 20")
    if spec.trials < 1:
        _refuse("trials", f"{spec.trials} trials are none", "such as --trials 20")
    if spec.zipped:
        _refuse("zip", f"--search {spec.search} draws each setting by itself", "leave out --zip")
    for param in spec.params:
        if param.count is not None:
            hint = "leave out the count, or use --search grid"
            _refuse(param.path, f"{param.text} has a count, and a search draws from the whole range", hint)
    _check_something_to_search(spec, spec.trials)
    if len(spec.env_ids) > 1:
        _refuse("env_id", "returns of different environments cannot be compared by a search", "use a grid")


def _check_something_to_search(spec: SweepSpec, trials: int) -> None:
    if any(param.is_range for param in spec.params):
        return
    combinations = 1
    for param in spec.params:
        combinations *= len(param.values)
    if trials >= combinations:
        text = f"{trials:,} trials, but there are only {combinations:,} combinations of the listed values"
        _refuse("trials", text, "leave out --search to train them all, or give a range: 1e-4..1e-2:log")


def _check_counts(spec: SweepSpec) -> None:
    if not 1 <= spec.num_seeds <= MAX_SEEDS:
        _refuse("seeds", f"{spec.num_seeds:,} seeds for each point; 1 to {MAX_SEEDS:,} are allowed")
    if not 0 <= spec.confirm <= MAX_SEEDS:
        _refuse("confirm", f"{spec.confirm:,} held-out seeds; 0 to {MAX_SEEDS:,} are allowed")
    if spec.base.seed + spec.num_seeds + spec.confirm - 1 > MAX_SEED:
        _refuse("seed", f"the seeds from {spec.base.seed:,} up go beyond {MAX_SEED:,}", "begin lower")
    if len(spec.env_ids) > MAX_ENVS:
        _refuse("env_id", f"{len(spec.env_ids)} environments; most is {MAX_ENVS}")
    if spec.zipped and spec.search == "grid":
        lengths = {param.name: len(param.grid()) for param in spec.params}
        if len(set(lengths.values())) > 1:
            text = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            _refuse("zip", f"--zip pairs values one by one, but {text}", "give each as many values")


def _check_size(spec: SweepSpec) -> None:
    runs = spec.num_points * spec.num_seeds
    if runs > MAX_RUNS:
        what = "grid" if spec.search == "grid" else "search"
        text = f"a {what} of {spec.num_points:,} points × {spec.num_seeds} seeds is {runs:,} runs"
        _refuse("params", f"{text}; most is {MAX_RUNS:,} runs", "take fewer values, settings or seeds")
    kept = sum(len(param.values) for param in spec.params) + (spec.trials or 0) * len(spec.params)
    if kept > MAX_KEPT_VALUES:
        text = f"{kept:,} values of settings to keep; most is {MAX_KEPT_VALUES:,}"
        _refuse("params", text, "take fewer values or trials, or a range with a count")


def _check_pruning(spec: SweepSpec) -> None:
    if not spec.prune:
        return
    if spec.num_points < MIN_PRUNED_POINTS:
        text = f"--prune stops the worse half of the points early, and {spec.num_points} are too few for that"
        _refuse("prune", text, f"take at least {MIN_PRUNED_POINTS} points, or leave out --prune")
    if len(spec.env_ids) > 1:
        _refuse("prune", "returns of different environments cannot be compared", "leave out --prune")
    for base in spec.bases:
        rung_iteration(base, RUNGS[0])  # raises where runs are not evaluated on their way


def _check_objective(spec: SweepSpec) -> None:
    """Points are compared by the evaluation after training, so there must be one."""
    for base in spec.bases:
        if base.evaluation.final_eval_episodes == 0:
            key = "evaluation.final_eval_episodes"
            _refuse(key, "is 0, but points are compared by that evaluation", f"--set {key}=100")


def _check_points(spec: SweepSpec) -> None:
    """Every point of a grid must make valid settings."""
    for point in spec.points():
        config = spec.config(point, spec.seeds[-1])
        try:
            check_whole_episodes(config)
        except UsageError as error:
            raise UsageError(f"at {point.text}: {error.message}", hint=error.hint, key=error.key) from None


def _check_uses(spec: SweepSpec) -> None:
    """Every algorithm of the sweep must use every swept setting."""
    for param in spec.params:
        setting = BY_PATH.get(param.path)
        for algorithm in dict.fromkeys(base.algorithm for base in spec.bases) if setting else ():
            if not uses(algorithm, param.name):
                text, _ = objection(algorithm, param.name)
                users = ",".join(users_of(param.name))
                _refuse(param.path, text, f"leave it out, or sweep it with --param algorithm={users}")


def _check_effects(spec: SweepSpec) -> None:
    """A setting that another one switches off would give the same runs at every point."""
    modes = _possible_values(spec, "reward_shaping.mode")
    for param in spec.params:
        if _is_weight(param.path) and modes <= {"off", "log"}:
            text = f"changes no reward while reward_shaping.mode is {' or '.join(sorted(modes))}"
            _refuse(param.path, text, "--set reward_shaping.mode=potential, or add")
        if param.path == "normalization.clip_obs" and _possible_values(spec, NORMALIZE_OBS) == {False}:
            _refuse(param.path, "changes nothing while normalize_obs is false", "--set normalize_obs=true")


def _is_weight(path: str) -> bool:
    section, _, name = path.partition(".")
    return section == "reward_shaping" and (name in ("scale", *SHAPING_TERMS) or name.startswith("custom."))


def _possible_values(spec: SweepSpec, path: str) -> set[Any]:
    """The values that a setting has at some point."""
    swept = [value for param in spec.params if param.path == path for value in param.values]
    return set(swept or [get_value(base, path) for base in spec.bases])


def _refuse(key: str, text: str, hint: str | None = None) -> NoReturn:
    raise UsageError(f"{key}: {text}", hint=hint, key=key)
