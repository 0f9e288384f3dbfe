"""Make the documentation's first pictures: five seeds on LunarLander, trained together, and a landing.

``python benchmarks/learning_curve.py`` trains them in a temporary folder and writes ``learning-curve.png``,
one curve each and their mean, and ``lunarlander.gif`` in ``docs/pictures``; ``--runs DIR`` shows runs that
exist.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from pathlib import Path

import matplotlib as mpl
import numpy as np
from common import PICTURES, run_python

mpl.use("Agg")
import matplotlib.pyplot as plt

ENV_ID, SOLVED = "LunarLander-v3", 200
PICTURE = PICTURES / "learning-curve.png"
FILM = PICTURES / "lunarlander.gif"
INK, BAND, MARK = "#1f4e79", "#9dc3e6", "#b35900"


def curves(runs_dir: Path) -> tuple[np.ndarray, np.ndarray]:
    """Steps ``[T]`` and mean return of the last 100 training episodes ``[runs, T]``."""
    steps, returns = np.empty(0), []
    for path in sorted(runs_dir.glob(f"{ENV_ID}-*/metrics.csv")):
        with path.open(encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["rollout/episode_return"]]
        steps = np.array([float(row["global_step"]) for row in rows])
        returns.append([float(row["rollout/episode_return"]) for row in rows])
    if not returns:
        raise SystemExit(f"no runs of {ENV_ID} in {runs_dir}")
    length = min(map(len, returns))
    return steps[-length:], np.array([values[-length:] for values in returns])


def draw(steps: np.ndarray, returns: np.ndarray) -> None:
    """One thin line per seed, their mean as a thick one, and the mark of a solved task."""
    figure, axes = plt.subplots(figsize=(8, 3.6), dpi=150, layout="constrained")
    for values in returns:
        axes.plot(steps / 1e6, values, color=BAND, linewidth=1)
    axes.plot(steps / 1e6, returns.mean(0), color=INK, linewidth=2.2, label=f"mean of {len(returns)} seeds")
    axes.axhline(SOLVED, color=MARK, linewidth=1, linestyle="--")
    axes.text(steps[0] / 1e6, SOLVED + 6, "solved: 200", color=MARK, fontsize=9)
    axes.set_xlabel("environment steps per seed (millions)")
    axes.set_ylabel("return, last 100 training episodes")
    command = f"ppo train --env LunarLander-v2 --seeds {len(returns)}"
    axes.set_title(command, loc="left", fontsize=10, family="monospace")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.01)
    axes.legend(frameon=False, loc="lower right")
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, metadata={"Software": None})
    print(PICTURE)


def film(runs_dir: Path) -> None:
    """The episode in the middle of 20 of the first seed."""
    words = (f"{ENV_ID}-ppo-clip-s1", "--pick", "median", "--output", FILM, "--force", "--runs-dir", runs_dir)
    run_python("-m", "ppo_cli", "render", *words)
    print(FILM)


def main() -> None:
    """Train if asked to, and show what was learned."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--runs", type=Path, help="runs directory with the runs to draw (default: train five)"
    )
    given = parser.parse_args().runs
    if given:
        show(given)
        return
    with tempfile.TemporaryDirectory() as folder:
        print("training five seeds …", file=sys.stderr)
        words = ("--env", ENV_ID, "--seeds", "5", "--runs-dir", folder)
        run_python("-m", "ppo_cli", "train", *words)
        show(Path(folder))


def show(runs_dir: Path) -> None:
    """Draw and film."""
    draw(*curves(runs_dir))
    film(runs_dir)


if __name__ == "__main__":
    main()
