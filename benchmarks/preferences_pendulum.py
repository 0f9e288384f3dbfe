"""Pendulum from comparisons: what 300 answers teach, beside what training does without any.

For each seed anew: a run of 100,000 steps plays at five ages, and an untrained agent beside it; a synthetic
teacher compares 300 pairs of clips of 25 steps by the environment's own reward; an ensemble is fitted; a
policy is trained for 300,000 steps with the tuned settings. Nothing is shared between seeds. What is
reported is the last policy on 100 fresh episodes by the environment's reward, and the accuracy of the fit
on 1,000 pairs of other episodes of the same policies, drawn uniformly, against a teacher without flaws.

Beside it, at equal steps and seeds: the environment's own reward, a constant reward, an untrained reward
model, and the same with a teacher that takes the worse clip for the better one in 10 % of the answers. The
peer's figures, about -170 tuned and -500 untuned, are those of imitation's pull request 782; they were not
measured here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common import Entry, Results, arguments, log, machine, report, table

ENV = "Pendulum-v1"
PAIRS = 300
TEST_PAIRS = 1000
CLIP = 25
OWN = "the environment's reward"
ROWS = {
    "300 comparisons": (),
    "300 comparisons, 10 % mistakes": ("mistake=0.1",),
}


def measure(seeds: list[int], steps: int, young_steps: int, pairs: int) -> Entry:
    """All rows for some seeds; the entry of the results file."""
    from ppo_cli.api.train import train

    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        fits: dict[str, list[dict[str, Any]]] = {row: [] for row in ROWS}
        for seed in seeds:
            young = f"young{seed}"
            train(ENV, seed=seed, name=young, runs_dir=runs, total_timesteps=young_steps, keep_policies=5,
                  num_evals=0, final_eval_episodes=0)  # fmt: skip
            for number, (row, flaws) in enumerate(ROWS.items()):
                fits[row].append(fitted(runs, young, f"set{number}-{seed}", seed, pairs, flaws))
                log(f"seed {seed}, {row}: {fits[row][-1]}")
        models: dict[str, Any] = {
            row: [f"set{number}-{seed}" for seed in seeds] for number, row in enumerate(ROWS)
        }
        models |= {name: [name] * len(seeds) for name in ("constant", "random")}
        models[OWN] = [None] * len(seeds)
        results = trained(models, seeds, steps, runs)
    return {"env_id": ENV, "steps": steps, "pairs": pairs, "seeds": seeds, "fits": fits, "returns": results}


def fitted(
    runs: Path, young: str, name: str, seed: int, pairs: int, flaws: tuple[str, ...]
) -> dict[str, Any]:
    """Make a set, fit it, and judge the fit by other pairs."""
    from ppo_cli.api.prefer import prefer
    from ppo_cli.api.reward_model import fit_reward_model, pairs_of
    from ppo_cli.preferences.folder import PreferenceDir
    from ppo_cli.preferences.judging import judgement
    from ppo_cli.rewards.model import RewardModel
    from ppo_cli.rewards.sequences import sequences_of_clips

    prefer(
        young,
        name=name,
        pairs=pairs,
        seed=seed,
        random=True,
        runs_dir=runs,
        settings=[f"length={CLIP}", *flaws],
    )
    fit = fit_reward_model(name, seed=seed, runs_dir=runs)
    assert fit is not None
    test = f"test-{young}"
    if not (runs / test).exists():
        words = [f"length={CLIP}", "at_end=0", "repeat=0"]
        count, other = min(TEST_PAIRS, 4 * pairs), seed + 1000
        prefer(young, name=test, pairs=count, seed=other, random=True, runs_dir=runs, settings=words)
    data = pairs_of(PreferenceDir(runs / test), allow_import=False)
    model = RewardModel.load(Path(fit["fit"]) / "reward.safetensors")
    rewards = model.rewards(*sequences_of_clips(data.seen, model.context)).mean(0)
    sums = rewards.view(len(data), 2, -1).mul(data.mask).sum(-1).numpy()
    judged = judgement(data.comparisons, sums[:, 0] - sums[:, 1], sums)
    return {
        "accuracy": judged["accuracy"]["held_out"], "larger_half": judged["accuracy"]["larger_half"],
        "own_estimate": fit["accuracy"]["held_out"], "seconds": fit["seconds"],
    }  # fmt: skip


def trained(models: Mapping[str, list[Any]], seeds: list[int], steps: int, runs: Path) -> dict[str, Any]:
    """The final evaluations of all rows: means of the seeds, by row."""
    from ppo_cli.config.resolve import with_values
    from ppo_cli.learn.trainer import train
    from ppo_cli.prepare.launch import prepare_new
    from ppo_cli.prepare.resolve import resolve_settings

    base = resolve_settings(ENV, None).config
    results: dict[str, Any] = {}
    for row, named in models.items():
        values = {"total_timesteps": steps, "num_evals": 0}
        configs = [
            with_values(base, {**values, "seed": seed, "reward_model": model})
            for seed, model in zip(seeds, named, strict=True)
        ]
        label = row.replace(" ", "-").replace("%", "percent").replace(",", "").replace("'", "")
        (population,) = prepare_new(
            configs, runs_dir=runs, name=label, env_requested=ENV, command="benchmark"
        )
        *_, last = train(population)
        results[row] = [member.last_eval.mean if member.last_eval else None for member in last.members]
        shares = {name: seconds / sum(last.timings.values()) for name, seconds in last.timings.items()}
        results.setdefault("share of relabelling", {})[row] = shares.get("reward model", 0.0)
        log(f"{row}: {results[row]}")
    return results


def text(entries: Mapping[str, Entry]) -> str:
    """The table, as Markdown."""
    from ppo_cli.runs.eval_stats import mean_interval

    if ENV not in entries:
        return ""
    entry, rows = entries[ENV], []
    for row, means in entry["returns"].items():
        if row == "share of relabelling":
            continue
        mean, (low, high) = sum(means) / len(means), mean_interval(means)
        fits = entry["fits"].get(row, [])
        accuracy = f"{100 * sum(fit['accuracy'] for fit in fits) / len(fits):.1f} %" if fits else ""
        rows.append((row, f"{mean:.0f}", f"{low:.0f} to {high:.0f}", f"{min(means):.0f}", accuracy))
    return table(
        ("Learned from", "Mean return", "95 % interval over seeds", "Worst seed", "Pairs foretold"), rows
    )


def main() -> None:
    """Measure and print the table."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 1 up")
    args = parser.parse_args()
    results = Results("preferences_pendulum", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        sizes = (2, 6144, 6144, 40) if args.quick else (args.seeds, 300_000, 100_000, PAIRS)
        results.add(ENV, measure(list(range(1, sizes[0] + 1)), *sizes[1:]))
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
