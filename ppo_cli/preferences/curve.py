"""What more comparisons bring: held-out accuracy over how many were learned from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ppo_cli.config.preference_settings import FitSettings
from ppo_cli.preferences.dataset import PairData
from ppo_cli.preferences.fitting import Fit, fit_model
from ppo_cli.preferences.judging import judgement

CURVE_FROM = 25


def learning_curve(
    data: PairData,
    settings: FitSettings,
    seed: int,
    length: int,
    starts: dict[str, int],
    stop: Callable[[], bool] = lambda: False,
) -> list[dict[str, Any]]:
    """Held-out accuracy of fits to the first 25, 50, 100... comparisons, and to all.

    Each is judged by the comparisons after those, and the last, like the fit itself, by what each member had
    not seen.
    """
    points: list[dict[str, Any]] = []
    count = CURVE_FROM
    while not stop():
        count = min(count, len(data))
        part = data.first(count)
        fit = Fit(part, settings, seed, length, "", starts)
        model, state = fit_model(fit, stop)
        if count < len(data):
            rest = data.pick(torch.arange(count, len(data)))
            sums = fit.clip_rewards(model, rest).mean(0).sum(-1).numpy()
            seen = {clip.episode for one in part.comparisons for clip in (one.a, one.b)}
            fresh = [not {one.a.episode, one.b.episode} & seen for one in rest.comparisons]
            logits = np.where(fresh, sums[:, 0] - sums[:, 1], np.nan)
            accuracy = judgement(rest.comparisons, logits)["accuracy"]
        else:
            accuracy = judgement(part.comparisons, fit.held_out_logits(state.best).numpy())["accuracy"]
        points.append({**accuracy, "judged": accuracy["pairs"], "pairs": count})
        if count == len(data):
            break
        count *= 2
    return points
