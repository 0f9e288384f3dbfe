"""Run folders made by hand, in milliseconds: what training would have written, with chosen numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ppo_cli.config.dump import dump_config
from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig

VERSIONS = {"ppo-cli": "0.1.0", "torch": "2.13.0", "gymnasium": "1.4.0", "numpy": "2.4.0"}
STEPS = (1000, 2000, 3000, 4000, 5000)


def make_run(
    folder: Path,
    name: str,
    score: float | None = 100.0,
    *,
    seed: int | None = None,
    env_id: str = "CartPole-v1",
    settings: Mapping[str, Any] | None = None,
    curve: Sequence[float] | None = None,
    steps: Sequence[int] = STEPS,
    columns: Mapping[str, Sequence[float]] | None = None,
    monitor: Mapping[str, Sequence[float]] | None = None,
    **summary: Any,
) -> Path:
    """Make a run folder.

    Args:
        folder: The runs directory, or a sweep's folder.
        name: The run's; ends in its seed.
        score: Mean return of the final evaluation; None for a run without one.
        seed: The seed, by default the one in the name.
        env_id: The environment.
        settings: Settings that differ from the defaults.
        curve: Means of the evaluations while training; by default a straight line up to the score.
        steps: At which they were made.
        columns: More columns of ``metrics.csv``, one number for each of the steps.
        monitor: Columns of ``monitor.csv``.
        **summary: What else ``summary.json`` says.
    """
    run = folder / name
    run.mkdir(parents=True)
    seed = int(name.rpartition("-s")[2]) if seed is None else seed
    config = with_values(
        RunConfig(env_id=env_id, seed=seed), {"total_timesteps": steps[-1], **(settings or {})}
    )
    (run / "config.yaml").write_text(dump_config(config), encoding="utf-8")
    final = None if score is None else {"mean": score, "std": 1.0, "episodes": 100, "deterministic": True}
    document = {
        "env_id": env_id, "seed": seed, "status": "completed", "reason": None, "global_step": steps[-1],
        "wall_time": 60.0, "steps_per_second": 1000.0, "eval": final, "versions": VERSIONS,
    }  # fmt: skip
    (run / "summary.json").write_text(json.dumps(document | summary), encoding="utf-8")
    if curve is None:
        curve = [(score or 0.0) * (index + 1) / len(steps) for index in range(len(steps))]
    rows = [[step, mean, 1.0, mean - 1, mean + 1, 20] for step, mean in zip(steps, curve, strict=False)]
    write_csv(run / "eval.csv", ["global_step", "mean", "std", "min", "max", "episodes"], rows)
    logged = {
        "iteration": range(1, len(steps) + 1),
        "global_step": steps,
        "rollout/episode_return": curve or [1.0] * len(steps),
    }
    logged |= columns or {}
    write_csv(run / "metrics.csv", list(logged), list(zip(*logged.values(), strict=True)))
    episodes = {"r": [10.0, 20.0], "l": [10, 20], "t": [0.1, 0.2]} | dict(monitor or {})
    write_csv(
        run / "monitor.csv",
        list(episodes),
        list(zip(*episodes.values(), strict=True)),
        comment='#{"t_start": 0}\n',
    )
    return run


def make_group(folder: Path, name: str, scores: Sequence[float | None], **options: Any) -> list[Path]:
    """Runs ``name-s1``, ``name-s2`` and so on, one per score."""
    return [make_run(folder, f"{name}-s{seed}", score, **options) for seed, score in enumerate(scores, 1)]


def make_sweep(
    runs_dir: Path, name: str, points: Mapping[str, Sequence[float | None]], **options: Any
) -> Path:
    """A sweep's folder with the runs of its points, whose labels are ``setting=value``."""
    folder = runs_dir / name
    folder.mkdir(parents=True)
    (folder / "sweep.yaml").write_text("# a sweep\n", encoding="utf-8")
    for label, scores in points.items():
        setting, _, value = label.partition("=")
        make_group(folder, label, scores, settings={setting: float(value)}, **options)
    return folder


def write_csv(path: Path, names: Sequence[str], rows: Sequence[Sequence[Any]], comment: str = "") -> None:
    """Write a log."""
    lines = [",".join(names), *(",".join(map(str, row)) for row in rows)]
    path.write_text(comment + "\n".join(lines) + "\n", encoding="utf-8")
