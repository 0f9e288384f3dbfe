"""Run and sweep folders that were never trained: their numbers are made up, the same each time."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from ppo_cli.config.dump import dump_config
from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.metrics import columns
from ppo_cli.sweeps.folder.sweep_yaml import dump_spec
from ppo_cli.sweeps.spec.params import parse_param
from ppo_cli.sweeps.spec.planned_runs import PlannedRun
from ppo_cli.sweeps.spec.points import Point
from ppo_cli.sweeps.spec.sweep_spec import SweepSpec

HOSTILE = (
    "<script>alert(1)</script>",
    '"onmouseover="alert(1)',
    "</script><img src=x onerror=alert(1)>",
    "$$\\int x$$",
    "@{mean0}{safe}<b>",
    "{{ 7 * 7 }}",
    "&lt;b&gt;",
)
_T_START = 1_795_000_000.0  # 18 November 2026


def write_run(
    folder: Path,
    *,
    seed: int = 1,
    final: float = 200.0,
    status: str = "completed",
    reason: str | None = None,
    rows: int = 12,
    terms: Sequence[str] = (),
    command: str = "ppo train --env LunarLander-v3",
    **values: Any,
) -> Path:
    """A run folder whose return rises to ``final``; ``values`` are settings."""
    config = with_values(
        RunConfig(env_id="LunarLander-v3"), {"seed": seed, "total_timesteps": 1000 * rows} | values
    )
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(dump_config(config))
    steps = [1000 * (row + 1) for row in range(rows)]
    returns = [final - 300 * math.exp(-4 * step / steps[-1]) + 7 * math.sin(seed + step) for step in steps]
    _write_metrics(folder / "metrics.csv", steps, returns, terms)
    evaluations = list(zip(steps, returns, strict=True))[1::2]
    lines = [f"{step},{value},20.0,{value - 30},{value + 30},20" for step, value in evaluations]
    (folder / "eval.csv").write_text("\n".join(["global_step,mean,std,min,max,episodes", *lines, ""]))
    head = json.dumps({"t_start": _T_START + seed, "env_id": config.env_id})
    (folder / "monitor.csv").write_text(f"#{head}\nr,l,t,shaped_return,terminated\n-120.5,80,0.5,-120.5,1\n")
    summary: dict[str, Any] = {
        "run_dir": str(folder), "env_id": config.env_id, "env_id_requested": config.env_id,
        "algorithm": config.algorithm, "seed": seed, "status": status, "reason": reason,
        "global_step": steps[-1], "total_timesteps": steps[-1], "wall_time": 12.5 + seed,
        "steps_per_second": 8000.0, "eval": None, "command": command, "git_commit": "0123abc",
        "versions": {"ppo-cli": "0.1.0", "torch": "2.13.0"}, "given_up": status == "failed",
    }  # fmt: skip
    if status == "completed":
        summary["eval"] = {
            "mean": final, "std": 20.0, "ci95": [final - 4, final + 4], "min": final - 50, "max": final + 50,
            "episodes": 100, "mean_length": 210.0, "deterministic": True,
        }  # fmt: skip
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


def write_seeds(runs_dir: Path, name: str, finals: Sequence[float], **values: Any) -> list[Path]:
    """The runs ``name-s1``, ``name-s2``… of one group."""
    return [
        write_run(runs_dir / f"{name}-s{seed}", seed=seed, final=final, **values)
        for seed, final in enumerate(finals, 1)
    ]


def write_sweep(
    runs_dir: Path,
    *params: str,
    name: str = "study",
    seeds: int = 3,
    confirm: int = 2,
    base: dict[str, Any] | None = None,
) -> Path:
    """A sweep folder, complete with its held-out seeds; the second point is the best."""
    config = with_values(RunConfig(env_id="LunarLander-v3"), {"total_timesteps": 12_000} | (base or {}))
    spec = SweepSpec(
        (config,),
        config.env_id,
        tuple(map(parse_param, params)),
        num_seeds=seeds,
        confirm=confirm,
    )
    folder = runs_dir / name
    folder.mkdir(parents=True)
    (folder / "sweep.yaml").write_text(dump_spec(spec))
    points = spec.points()
    for index, point in enumerate(points):
        for seed in spec.seeds:
            final = 200.0 - 15 * abs(index - 1) + 4 * math.sin(7 * seed + index)
            _write_point(folder, spec, point, seed, final)
    for seed in range(1_000_001, 1_000_001 + confirm):
        _write_point(folder / "held-out", spec, points[min(1, len(points) - 1)], seed, 190.0 + seed % 10)
    return folder


def _write_point(folder: Path, spec: SweepSpec, point: Point, seed: int, final: float) -> None:
    planned = PlannedRun(point, seed, spec.config(point, seed))
    write_run(
        folder / planned.name, final=final, command="ppo sweep study.yaml", seed=seed, **dict(point.values)
    )


def write_gif(path: Path, colour: str = "navy") -> Path:
    """A GIF of two frames."""
    frames = [Image.new("RGB", (60, 40), shade) for shade in (colour, "white")]
    data = io.BytesIO()
    frames[0].save(data, "GIF", save_all=True, append_images=frames[1:], duration=400, loop=0)
    path.write_bytes(data.getvalue())
    return path


def _write_metrics(path: Path, steps: Sequence[int], returns: Sequence[float], terms: Sequence[str]) -> None:
    names = columns(RunConfig(env_id="CartPole-v1"), tuple(terms))
    lines = [",".join(names)]
    for row, (step, value) in enumerate(zip(steps, returns, strict=True)):
        known = {
            "iteration": row + 1, "global_step": step, "rollout/episode_return": value - 10,
            "rollout/shaped_return": value - 12, "rollout/episode_length": 200 + row,
            "train/entropy": 1.38 * math.exp(-row / 8), "train/approx_kl": 0.01 + 0.001 * (row % 3),
            "time/wall_time": 1.0 + row,
        }  # fmt: skip
        known |= {f"reward/{term}": -1.0 / (row + 2 + index) for index, term in enumerate(terms)}
        lines.append(",".join(str(known.get(name, "")) for name in names))
    path.write_text("\n".join([*lines, ""]))
