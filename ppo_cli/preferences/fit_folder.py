"""A fit as a folder: begun, gone on with after a stop, and kept with its sums.

    fits/0003/
      fit.json             settings, seed, and how many lines of comparisons were used
      reward.safetensors   the model
      report.json          how good it is, with the SHA-256 of what it was made from
      checkpoints/         while it is not complete

The same settings on the same lines are the same fit: one that is complete is not made again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ppo_cli.config.preference_settings import FitSettings
from ppo_cli.errors import CorruptFileError
from ppo_cli.pace import Pace
from ppo_cli.preferences.dataset import PairData
from ppo_cli.preferences.fitting import Fit, FitState
from ppo_cli.preferences.folder import MAX_REPORT_BYTES, PreferenceDir
from ppo_cli.preferences.judging import judgement
from ppo_cli.rewards.fits import REPORT, REWARD, fit_folders
from ppo_cli.rewards.model import RewardModel
from ppo_cli.runs.checkpoints import load_latest_checkpoint, save_checkpoint
from ppo_cli.runs.run_dir import RunDir
from ppo_cli.storage.files import read_file, storage_errors
from ppo_cli.storage.json_file import read_json, strict, write_json
from ppo_cli.storage.tensor_file import MAX_FILE_BYTES

PLAN = "fit.json"
CHECKPOINT_SHARE = 0.05  # of the time, at most


def fit_in_folder(
    folder: PreferenceDir,
    fit: Fit,
    settings: FitSettings,
    seed: int,
    data: PairData,
    *,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, Any] | None:
    """Make a fit, go on with one that was stopped, or find the one that is there; the caller holds the lock.

    Args:
        folder: The set.
        fit: The fit.
        settings: How it is fitted.
        seed: Its seed.
        data: The pairs.
        stop: Asked after each pass over the pairs; when true, a checkpoint is saved.
        progress: Told of each pass, and how many there are at most.

    Returns:
        The report; None when stopped.

    Raises:
        StorageError: The disk is full or cannot be written.
        CorruptFileError: Every checkpoint of a stopped fit is damaged.
    """
    plan = strict({"settings": settings.model_dump(), "seed": seed, "lines_used": data.num_lines,
                   "comparisons_sha256": lines_sha256(folder, data.num_lines)})  # fmt: skip
    path, report = _place(folder, plan)
    if report is not None:
        return report
    own = RunDir(path)
    checkpoint = load_latest_checkpoint(own, lambda _: None)
    state = fit.begin() if checkpoint is None else FitState.of(checkpoint.iteration, checkpoint.tensors)
    before = 0.0 if checkpoint is None else float(checkpoint.meta.get("seconds", 0.0))
    started, pace = time.perf_counter(), Pace(CHECKPOINT_SHARE)

    def seconds() -> float:
        return before + time.perf_counter() - started

    for _ in fit.run(state):
        progress(state.epoch, settings.max_epochs)
        stopped = stop()
        if stopped or pace.due():
            with pace.timed():
                save_checkpoint(own, state.epoch, state.tensors(), {"seconds": seconds()})
        if stopped:
            return None
    model = fit.model(state)
    model.save(path / REWARD)
    report = plan | report_of(fit, model, state) | {
        "preferences_dir": str(folder.path),
        "fit": str(path),
        "pairs_used": len(data),
        "reward_sha256": hashlib.sha256(read_file(path / REWARD, MAX_FILE_BYTES)).hexdigest(),
        "seconds": seconds(),
    }  # fmt: skip
    document: dict[str, Any] = strict(report)
    write_json(path / REPORT, document)
    shutil.rmtree(own.checkpoints_path, ignore_errors=True)
    return document


def report_of(fit: Fit, model: RewardModel, state: FitState) -> dict[str, Any]:
    """How good a fit is, by what each member had not seen; and the members' ends."""
    data = fit.data
    logits = fit.held_out_logits(state.best).numpy()
    sums = fit.clip_rewards(model, data).mean(0).sum(-1).numpy()
    by_member = [_accuracy(data, row.numpy(), fit.shares == member)
                 for member, row in zip(fit.members, fit.logits(state.best), strict=True)]  # fmt: skip
    return {
        "network": fit.settings.network,
        "env_id": data.spec.env_id,
        "judged_by": fit.shape.judged_by,
        "length": fit.shape.length,
        **judgement(data.comparisons, logits, sums),
        "between_shares": int((fit.shares < 0).sum()),
        "members": [
            {"held_out": accuracy, "loss": loss, "epochs": epoch}
            for accuracy, loss, epoch in zip(
                by_member, state.best_loss.tolist(), state.best_epoch.tolist(), strict=True
            )
        ],
        "predicted_returns": sums.tolist(),
        "true_returns": None if data.returns is None else data.returns.tolist(),
    }


def _accuracy(data: PairData, logits: np.ndarray, own: np.ndarray) -> float | None:
    return judgement(data.comparisons, np.where(own, logits, np.nan))["accuracy"]["held_out"]  # type: ignore[no-any-return]


def lines_sha256(folder: PreferenceDir, count: int) -> str:
    """Of the files of a set as they are now."""
    digest = hashlib.sha256(str(count).encode())
    for path in (folder.settings_path, folder.episodes_path, folder.comparisons_path):
        data = read_file(path, MAX_FILE_BYTES)
        digest.update(data[: data.rfind(b"\n") + 1])
    return digest.hexdigest()


def _place(folder: PreferenceDir, plan: dict[str, Any]) -> tuple[Path, dict[str, Any] | None]:
    """The folder of a fit, and its report where it is complete; a new folder where there is none."""
    there = fit_folders(folder.path)
    for path in reversed(there):
        try:
            if read_json(path / PLAN, MAX_REPORT_BYTES) != plan:
                continue
            report = read_json(path / REPORT, MAX_REPORT_BYTES)
            if report is not None:  # it is used only when its model is what it describes
                RewardModel.load(path / REWARD)
                if report.get("reward_sha256") != _sum_of(path / REWARD):
                    raise CorruptFileError(
                        f"{path / REWARD} is not what its report describes", file=path / REWARD
                    )
            return path, report
        except CorruptFileError:
            continue  # a damaged one is left as it is, and made again beside it
    path = folder.fits_path / f"{int(there[-1].name) + 1 if there else 1:04d}"
    with storage_errors(path):
        os.makedirs(path)
    write_json(path / PLAN, plan)
    return path, None


def _sum_of(path: Path) -> str:
    return hashlib.sha256(read_file(path, MAX_FILE_BYTES)).hexdigest()
