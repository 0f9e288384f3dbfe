"""What the programs about preferences share: young runs, sets, fits and their trial, policies, tables.

Whatever takes long is done in two processes. Nothing is shared between seeds.
"""

from __future__ import annotations

import csv
import multiprocessing
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common import log, number, table

if TYPE_CHECKING:
    from ppo_cli.config.schema import RunConfig
    from ppo_cli.learn.population import Population

OWN = "the environment's reward"
REFERENCE = "reference alone"
NULLS = ("constant", "random")
WORKERS = 2
AGES = 5  # at which a young run's policy is kept
Values = Mapping[str, Any]
"""Settings of a run by name."""


@dataclass(frozen=True)
class Trained:
    """The end of a training.

    Attributes:
        run: Its folder.
        seed: Its seed.
        mean: Mean return of the last policy on 100 fresh episodes, by the environment's reward; None where
            the training failed.
        steps: Mean length of these episodes.
        relabelling: Share of the program's time that paying by the reward model took.
    """

    run: Path
    seed: int
    mean: float | None
    steps: float | None
    relabelling: float


def in_processes(function: Callable[..., Any], calls: Iterable[Sequence[Any]]) -> list[Any]:
    """The results of a function of a module for several arguments, two at a time, in their order."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, mp_context=context) as pool:
        return [future.result() for future in [pool.submit(function, *call) for call in calls]]


def measured(function: Callable[[Path], Any], rows: Mapping[str, Sequence[Trained]]) -> dict[str, list[Any]]:
    """What a function of a run folder says of every run of some rows."""
    found = iter(in_processes(function, [[one.run] for own in rows.values() for one in own]))
    return {row: [next(found) for _ in own] for row, own in rows.items()}


# ---------------------------------------------------------------------- collect, fit, judge


def young_run(env_id: str, seed: int, runs: Path, steps: int, **settings: Any) -> str:
    """Train by the environment's own reward for a while; the name of the run, whose policy is kept."""
    from ppo_cli.api.train import train

    name = f"young{seed}"
    given = {"keep_policies": AGES, "num_evals": 0, "final_eval_episodes": 0, "env_workers": 0} | settings
    train(env_id, seed=seed, name=name, runs_dir=runs, total_timesteps=steps, **given)
    return name


def asked(
    runs: Path, name: str, players: Sequence[str], seed: int, pairs: int, words: Sequence[str], **more: Any
) -> str:
    """Let a teacher answer until the set has so many comparisons, an untrained agent among the players."""
    from ppo_cli.api.prefer import prefer

    prefer(
        *players, name=name, pairs=pairs, seed=seed, random=True, runs_dir=runs, settings=list(words), **more
    )
    return name


def asked_alike(
    runs: Path, sets: Mapping[str, Sequence[str]], players: Sequence[str], seed: int, pairs: int
) -> None:
    """What :func:`asked` does, for several teachers and the same pairs, which are drawn once.

    Args:
        runs: Where runs and sets are.
        sets: Settings of the sets by name, alike in all that is not the teacher's.
        players: Runs that play.
        seed: Of all sets.
        pairs: Comparisons of each.
    """
    from ppo_cli.api.prefer import collector_of
    from ppo_cli.config.preference_settings import SetSettings, with_overrides
    from ppo_cli.preferences.collecting import Collector, collect_answers, open_set
    from ppo_cli.preferences.pairs import Pair

    drawn: dict[int, list[Pair]] = {}

    class DrawnOnce(Collector):
        def pairs(self, chunk: int) -> list[Pair]:
            if chunk not in drawn:
                drawn[chunk] = super().pairs(chunk)
            return drawn[chunk]

    for name, words in sets.items():
        given = with_overrides(SetSettings, list(words))
        own = collector_of(players, None, True, given, seed, runs, agreed=True, allow_import=False)
        folder = open_set(runs, name, own.settings)
        with folder.lock():
            collect_answers(folder, DrawnOnce(own.settings, own.spec, own.sources, own.goal), pairs)


def fitted(
    runs: Path, name: str, seed: int, words: Sequence[str] = (), tests: Sequence[str] = (), **more: Any
) -> dict[str, Any]:
    """Fit a set's comparisons, and let the fit foretell those of other sets.

    Returns:
        Accuracy on the first test, on the larger half of its gaps, what the fit says of itself, its seconds.
    """
    from ppo_cli.api.reward_model import fit_reward_model

    fit = fit_reward_model(name, seed=seed, runs_dir=runs, settings=list(words), **more)
    assert fit is not None
    own = {"own_estimate": fit["accuracy"]["held_out"], "seconds": fit["seconds"]}
    return {**foretold(runs, Path(fit["fit"]), *tests, **more), **own} if tests else own


def in_rounds(
    env_id: str,
    seed: int,
    runs: Path,
    players: Sequence[str],
    totals: Sequence[int],
    steps: int,
    words: Sequence[str],
    fit_words: Sequence[str] = (),
    **settings: Any,
) -> tuple[str, list[str]]:
    """Ask in rounds: each but the first is also about clips of the policy that the round before has taught.

    Args:
        env_id: The environment.
        seed: Of everything.
        runs: Where runs and sets are.
        players: Runs that play in all rounds.
        totals: Comparisons after each round.
        steps: Of each training between two rounds.
        words: Settings of the set.
        fit_words: Settings of the fits.
        **settings: Of the trainings.

    Returns:
        The set's name, and the names of the runs between the rounds.
    """
    from ppo_cli.api.train import train

    name, players = f"set{seed}", list(players)
    first = len(players)
    for number_of_round, pairs in enumerate(totals):
        if number_of_round:
            fitted(runs, name, seed, fit_words)
            players.append(f"round{number_of_round}-{seed}")
            given = {
                "keep_policies": 3,
                "num_evals": 0,
                "final_eval_episodes": 0,
                "env_workers": 0,
            } | settings
            train(env_id, seed=seed + 10_000 * number_of_round, name=players[-1], runs_dir=runs,
                  total_timesteps=steps, reward_model=name, **given)  # fmt: skip
        asked(runs, name, players, seed, pairs, words)
    return name, players[first:]


def test_set(
    runs: Path, players: Sequence[str], seed: int, pairs: int, words: Sequence[str], **more: Any
) -> str:
    """Pairs of other episodes of the same policies, drawn uniformly, judged by a teacher without flaws."""
    name = f"test-{players[0]}"
    return asked(runs, name, players, seed + 1000, pairs, [*words, "at_end=0", "repeat=0"], **more)


def foretold(runs: Path, fit: Path, test: str, *, allow_import: bool = False) -> dict[str, float]:
    """The share of a test set's pairs that a fit foretells, and of the half whose returns differ most."""
    from ppo_cli.api.reward_model import pairs_of
    from ppo_cli.preferences.folder import PreferenceDir
    from ppo_cli.preferences.judging import judgement
    from ppo_cli.rewards.model import RewardModel
    from ppo_cli.rewards.sequences import sequences_of_clips

    data = pairs_of(PreferenceDir(runs / test), allow_import=allow_import)
    model = RewardModel.load(fit / "reward.safetensors")
    rewards = model.rewards(*sequences_of_clips(data.seen, model.context)).mean(0)
    sums = rewards.view(len(data), 2, -1).mul(data.mask).sum(-1).numpy()
    accuracy = judgement(data.comparisons, sums[:, 0] - sums[:, 1], sums)["accuracy"]
    return {"accuracy": accuracy["held_out"], "larger_half": accuracy["larger_half"]}


# ---------------------------------------------------------------------- train, play


def configs(
    env_id: str, seeds: Sequence[int], steps: int, models: Sequence[Any], **settings: Any
) -> list[RunConfig]:
    """The tuned settings of an environment, a seed and a reward model each."""
    from ppo_cli.config.resolve import with_values
    from ppo_cli.prepare.resolve import resolve_settings

    base = resolve_settings(env_id, None).config
    values = {"total_timesteps": steps, "num_evals": 0, "env_workers": 0, **settings}
    return [
        with_values(base, {**values, "seed": seed, "reward_model": model})
        for seed, model in zip(seeds, models, strict=True)
    ]


def beside_nulls(taught: Mapping[str, Sequence[Any]], num_seeds: int) -> dict[str, Sequence[Any]]:
    """Reward models by row, one for each seed: taught ones, the nulls, the environment's own reward."""
    nulls = {name: [name] * num_seeds for name in NULLS}
    return {**taught, **nulls, OWN: [None] * num_seeds}


def judged_beside_nulls(
    env_id: str, seeds: Sequence[int], steps: int, taught: str, runs: Path, judge: Callable[[Path], Any]
) -> dict[str, list[Any]]:
    """Train by the seeds' sets and by all nulls, and judge every last policy, and that of the young runs.

    Args:
        env_id: The environment.
        seeds: Their runs ``young1``, ... and sets ``set1``, ... are there.
        steps: Of each training.
        taught: What the row of the sets is called.
        runs: Where runs and sets are.
        judge: What to say of a run folder; a function of a module.
    """
    models = beside_nulls({taught: [f"set{seed}" for seed in seeds]}, len(seeds))
    ends = trained({row: configs(env_id, seeds, steps, named) for row, named in models.items()}, runs)
    ends[REFERENCE] = [Trained(runs / f"young{seed}", seed, None, None, 0.0) for seed in seeds]
    return measured(judge, ends)


def trained(rows: Mapping[str, Sequence[RunConfig]], runs: Path) -> dict[str, list[Trained]]:
    """Train rows of configs; those that may share a program do, and programs share the processor."""
    from ppo_cli.learn.population import plan
    from ppo_cli.prepare.launch import prepare_new

    members = [
        member
        for row, own in rows.items()
        for population in prepare_new(
            own, runs_dir=runs, name=folder_name(row), env_requested=own[0].env_id, command="benchmark"
        )
        for member in population.members
    ]
    done = [one for part in in_processes(train_population, [[one] for one in plan(members)]) for one in part]
    by_run = {one.run.name: one for one in done}
    found = {}
    for row, own in rows.items():
        several = len(own) > 1
        names = [folder_name(row) + (f"-s{config.seed}" if several else "") for config in own]
        found[row] = [by_run[name] for name in names]
        log(f"{row}: {[one.mean for one in found[row]]}")
    return found


def train_population(population: Population) -> list[Trained]:
    """Train members that share a program to their end."""
    from ppo_cli.learn.trainer import train

    *_, last = train(population)
    share = last.timings.get("reward model", 0.0) / sum(last.timings.values())
    ends = []
    for member in last.members:
        assert member.run_dir is not None
        stats = member.last_eval if member.status == "completed" else None
        length = sum(stats.lengths) / len(stats.lengths) if stats else None
        ends.append(Trained(member.run_dir.path, member.seed, stats.mean if stats else None, length, share))
    return ends


def folder_name(row: str) -> str:
    """The beginning of the names of a row's runs."""
    words = row.replace("%", "percent").replace(",", "").replace("'", "")
    return words.replace(" ", "-")


def seen_by(run: Path, episodes: int = 100) -> list[Any]:
    """What a run's last policy sees in each episode of its final evaluation, ``[T, O]`` after each step."""
    import numpy as np
    import torch

    from ppo_cli.envs.member_envs import make_member_envs
    from ppo_cli.play.policy import load_policy
    from ppo_cli.rng import Stream, episode_seed
    from ppo_cli.runs.reading import read_config
    from ppo_cli.runs.run_dir import RunDir

    torch.set_num_threads(1)  # networks this small gain nothing by more
    config, policy = read_config(RunDir(run)), load_policy(run)
    seed = episode_seed(config.seed, Stream.FINAL_EVAL, 0, 0)
    envs = make_member_envs(config.env_id, config.env_kwargs, episodes, [seed], stream=Stream.FINAL_EVAL)
    parts, masks = [], []
    try:
        envs.reset()
        sample = policy.net.sampler(policy.distribution, policy.params, episodes)
        while (active := ~envs.pending_reset).any():
            actions = sample(policy.normalizer(torch.from_numpy(envs.obs)), None)
            step = envs.step(policy.net.sendable(policy.distribution, actions).numpy(), active=active)
            parts.append(step.obs[0].copy())
            masks.append(active[0].copy())
    finally:
        envs.close()
    obs, real = np.stack(parts, 1), np.stack(masks, 1)  # [N, T, O], [N, T]
    return [own[mask] for own, mask in zip(obs, real, strict=True)]


def logged(run: Path, *names: str) -> list[list[float]]:
    """Rows of a run's metrics in which all of these columns have a value."""
    with (run / "metrics.csv").open(encoding="utf-8", newline="") as file:
        rows = [[row[name] for name in names] for row in csv.DictReader(file)]
    return [[float(value) for value in row] for row in rows if all(row)]


# ---------------------------------------------------------------------- shown


def mean_of(values: Sequence[float | None]) -> float | None:
    """The mean; None where one is missing."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def interval(values: Sequence[float | None], digits: int = 0) -> str:
    """The 95 % interval of the mean over seeds, as text."""
    from ppo_cli.runs.eval_stats import mean_interval

    if mean_of(values) is None or len(values) < 2:
        return "–"
    low, high = mean_interval([value for value in values if value is not None])
    return f"{number(low, digits)} to {number(high, digits)}"


def percent(values: Sequence[float], digits: int = 1) -> str:
    """The mean of shares."""
    return f"{100 * sum(values) / len(values):.{digits}f} %" if values else ""


def returns_table(
    returns: Mapping[str, Sequence[float | None]], fits: Mapping[str, Sequence[Mapping[str, float]]]
) -> str:
    """Rows of returns: mean, interval, the worst seed, and how many pairs their reward models foretell."""
    rows = []
    for row, values in returns.items():
        accuracy = percent([fit["accuracy"] for fit in fits.get(row, []) if "accuracy" in fit])
        worst = None if mean_of(values) is None else min(value for value in values if value is not None)
        rows.append((row, number(mean_of(values)), interval(values), number(worst), accuracy))
    return table(
        ("Learned from", "Mean return", "95 % interval over seeds", "Worst seed", "Pairs foretold"), rows
    )
