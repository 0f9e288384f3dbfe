"""Writing down how a sweep ended a run that did not end by itself: a rung stopped it, or it was given up."""

from __future__ import annotations

from ppo_cli.config.dump import dump_config
from ppo_cli.runs.run_dir import GIVEN_UP, create_run_dir
from ppo_cli.sweeps.folder.sweep_dir import SweepDir
from ppo_cli.sweeps.results.run_result import RunResult


def record_end(folder: SweepDir, run: RunResult, status: str, reason: str) -> None:
    """Write into a run's summary how the sweep ended it; its folder is made if it is not there.

    Args:
        folder: The folder of the sweep, or that of its held-out runs.
        run: The run, as it was last read.
        status: ``pruned`` or ``failed``.
        reason: Why.

    Raises:
        StorageError: It cannot be written.
    """
    planned, run_dir = run.planned, run.run_dir
    if not run_dir.config_path.exists():
        create_run_dir(folder.path, planned.name, exact=True, config=dump_config(planned.config))
    with run_dir.lock():
        summary = dict(run.summary) | (run_dir.read_summary() or {})
        about = {"env_id": planned.config.env_id, "algorithm": planned.config.algorithm, "seed": planned.seed}
        run_dir.write_summary({**about, **summary, "status": status, "reason": reason, GIVEN_UP: True})
