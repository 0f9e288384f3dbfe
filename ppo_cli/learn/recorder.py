"""Writing one member's run folder while it trains: logs, policies, checkpoints, summary."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppo_cli.config.identity import training_settings
from ppo_cli.envs.episodes import EpisodeRecord
from ppo_cli.errors import StorageError
from ppo_cli.learn.iteration_report import MemberReport
from ppo_cli.learn.population import Member
from ppo_cli.learn.summary import run_summary
from ppo_cli.metrics import TERM_PREFIX, WINDOW, columns
from ppo_cli.play.policy import Policy
from ppo_cli.rewards.ranks import rank_correlation
from ppo_cli.runs import checkpoints
from ppo_cli.runs.eval_stats import EvalStats
from ppo_cli.runs.kept_policies import forget_kept_after, new_kept_path
from ppo_cli.runs.run_dir import GIVEN_UP, RunDir
from ppo_cli.storage.csv_log import CsvLog
from ppo_cli.storage.event_file import EventWriter

EVAL_COLUMNS = ("global_step", "mean", "std", "min", "max", "episodes")


class EpisodeWindow:
    """The last episodes of a member, for the rollout means.

    Args:
        term_names: Shaping terms that the episodes record.
        learned: Whether they have a learned return too.
        rows: Episodes to begin with, oldest first, as :meth:`rows` gives them.
        count: Episodes finished before.
    """

    def __init__(
        self, term_names: tuple[str, ...], learned: bool, rows: list[list[float]], count: int
    ) -> None:
        self.term_names = term_names
        self.learned = learned
        self.count = count
        self._names = ["rollout/episode_return", "rollout/shaped_return", "rollout/episode_length"]
        self._names += [TERM_PREFIX + term for term in term_names]
        self._names += ["rollout/learned_return"] if learned else []
        self._room = np.empty((8 * WINDOW, len(self._names)))  # along which the window slides
        self._end = len(rows)
        self._room[: len(rows)] = np.reshape(rows, (len(rows), len(self._names)))

    def add(self, episode: EpisodeRecord) -> None:
        """Remember a finished episode."""
        if self._end == len(self._room):
            self._room[:WINDOW], self._end = self._last(), WINDOW
        terms = [episode.components[name] for name in self.term_names]
        row = [episode.episode_return, episode.shaped_return, episode.length, *terms]
        self._room[self._end] = row if episode.learned_return is None else [*row, episode.learned_return]
        self._end += 1
        self.count += 1

    def rows(self) -> list[list[float]]:
        """Return, shaped return, length, terms and learned return of each episode, oldest first."""
        rows: list[list[float]] = self._last().tolist()
        return rows

    def metrics(self) -> dict[str, float]:
        """The rollout metrics; NaN before the first episode ended."""
        last = self._last()
        means = (np.add.reduce(last) / len(last)).tolist() if len(last) else [math.nan] * len(self._names)
        metrics = {**dict(zip(self._names, means, strict=True)), "rollout/episodes": self.count}
        if self.learned:
            agreement = rank_correlation(last[:, 0], last[:, -1])
            metrics["rollout/rank_correlation"] = math.nan if agreement is None else agreement
        return metrics

    def _last(self) -> NDArray[np.float64]:
        return self._room[max(self._end - WINDOW, 0) : self._end]


class Recorder:
    """Writes one member's run folder. Without a folder it keeps what a report needs and writes nothing.

    Args:
        member: The run.
        term_names: Shaping terms that its episodes record.
    """

    def __init__(self, member: Member, term_names: tuple[str, ...]) -> None:
        self.member = member
        meta: dict[str, Any] = member.checkpoint.meta if member.checkpoint else {}
        learned = member.config.learns_reward
        self.window = EpisodeWindow(
            term_names, learned, meta.get("episodes", []), meta.get("episode_count", 0)
        )
        self.wall_time_before: float = meta.get("wall_time", 0.0)
        self.best_return: float | None = meta.get("best_return")
        self.last_eval: EvalStats | None = None
        self.last_eval_step = -1
        self.metrics: dict[str, float] = {}
        self.started = time.time()
        self._began = time.perf_counter()
        self._logs: dict[str, CsvLog | EventWriter] = {}
        self._place = _identity(member.run_dir.path) if member.run_dir else None
        if member.run_dir:
            forget_kept_after(member.run_dir, member.iteration * member.config.steps_per_iteration)
            self._open(member.run_dir, term_names, meta.get("log_sizes"))

    @property
    def wall_time(self) -> float:
        """Seconds of training, earlier sessions of a resumed run included."""
        return self.wall_time_before + time.perf_counter() - self._began

    def log_episode(self, episode: EpisodeRecord) -> None:
        """Add a finished episode to ``monitor.csv`` and to the rollout means."""
        self.window.add(episode)
        row = {"r": episode.episode_return, "l": episode.length, "t": round(self.wall_time, 6)}
        row |= {"shaped_return": episode.shaped_return, "terminated": int(episode.terminated)}
        if episode.learned_return is not None:
            row["learned_return"] = episode.learned_return
        self._append("monitor", row | episode.components)

    def log_iteration(self, metrics: Mapping[str, float]) -> None:
        """Add an iteration to ``metrics.csv`` and the event file; NaN is left out."""
        self.metrics = {**metrics, **self.window.metrics()}
        self._append(
            "metrics", {name: value for name, value in self.metrics.items() if not math.isnan(value)}
        )
        events = self._logs.get("events")
        if isinstance(events, EventWriter):
            step, now = int(self.metrics["global_step"]), time.time()
            for name, value in self.metrics.items():
                if "/" in name and not math.isnan(value):
                    events.scalar(name, value, step, now)
        for log in self._logs.values():  # so that what is reported survives the end of this process
            log.flush()

    def log_evaluation(self, global_step: int, stats: EvalStats, policy: Policy) -> None:
        """Add an evaluation to ``eval.csv``, and save the policy if it is the best so far."""
        self.last_eval, self.last_eval_step = stats, global_step
        row = {"global_step": global_step, "mean": stats.mean, "std": stats.std}
        self._append("eval", row | {"min": stats.min, "max": stats.max, "episodes": stats.episodes})
        if self.best_return is None or stats.mean > self.best_return:
            self.best_return = stats.mean
            if run_dir := self._folder():
                policy.save(run_dir.best_policy_path)

    def keep_policy(self, global_step: int, policy: Policy) -> None:
        """Save the policy as it is at this step to a file of its own."""
        if run_dir := self._folder():
            policy.save(new_kept_path(run_dir, global_step))

    def save_checkpoint(self, iteration: int, tensors: Mapping[str, NDArray[Any]], policy: Policy) -> None:
        """Make everything durable: logs first, then the policy, then the state that refers to them."""
        run_dir = self._folder()
        if run_dir is None:
            return
        policy.save(run_dir.policy_path)
        meta = {
            "log_sizes": {name: log.sync() for name, log in self._logs.items()},
            "episodes": self.window.rows(),
            "episode_count": self.window.count,
            "best_return": self.best_return,
            "wall_time": self.wall_time,
            "settings": training_settings(self.member.config),
        }
        checkpoints.save_checkpoint(run_dir, iteration, tensors, meta)

    def report(self, status: str, reason: str | None = None, final: EvalStats | None = None) -> MemberReport:
        """Describe the member as the last iteration left it."""
        recent = self.metrics.get("rollout/episode_return", math.nan)
        return MemberReport(
            name=self.member.name,
            run_dir=self.member.run_dir,
            seed=self.member.config.seed,
            status=status,
            reason=reason,
            metrics=self.metrics,
            best_return=self.best_return,
            recent_return=None if math.isnan(recent) else recent,
            last_eval=final or self.last_eval,
        )

    def summarize(
        self,
        status: str,
        global_step: int,
        steps_per_second: float,
        reason: str | None = None,
        final: EvalStats | None = None,
        *,
        by_itself: bool = False,
    ) -> None:
        """Write ``summary.json``; ``by_itself`` where a run failed that others were trained with."""
        run_dir = self._folder()
        if run_dir is None:
            return
        summary = run_summary(
            self.member,
            status=status,
            reason=reason,
            global_step=global_step,
            wall_time=self.wall_time,
            steps_per_second=steps_per_second,
            final=final,
            best_return=self.best_return,
        )
        run_dir.write_summary(summary | ({GIVEN_UP: True} if by_itself else {}))

    def close(self) -> None:
        """Close the files."""
        for log in self._logs.values():
            log.close()

    def _folder(self) -> RunDir | None:
        """The run's folder, as long as it is the one that was locked and no other has taken its place.

        Raises:
            StorageError: Another folder or a link is there now: what is in it is somebody else's.
        """
        run_dir = self.member.run_dir
        if run_dir is not None and _identity(run_dir.path) not in (None, self._place):
            raise StorageError(
                f"cannot write {run_dir.path}: the folder was moved or replaced while the run was written",
                hint="Go on with the run where it is now: --resume.",
                file=run_dir.path,
            )
        return run_dir

    def _append(self, name: str, row: Mapping[str, Any]) -> None:
        """Add a row to a CSV log; without a run folder there is none."""
        log = self._logs.get(name)
        if isinstance(log, CsvLog):
            log.append(row)

    def _open(self, run: RunDir, term_names: tuple[str, ...], sizes: Mapping[str, int] | None) -> None:
        """Open the logs: new, or cut back to the ``sizes`` in bytes that a checkpoint names."""
        config = self.member.config
        learned = ("learned_return",) if config.learns_reward else ()
        monitor_columns = ("r", "l", "t", "shaped_return", "terminated", *learned, *term_names)
        files = {
            "metrics": (run.metrics_path, columns(config, term_names), None),
            "monitor": (
                run.monitor_path,
                monitor_columns,
                {"t_start": self.started, "env_id": config.env_id},
            ),
            "eval": (run.eval_path, EVAL_COLUMNS, None),
        }
        for name, (path, names, comment) in files.items():
            if sizes is None:
                self._logs[name] = CsvLog(path, names, comment)
            else:
                self._logs[name] = CsvLog.open_at(path, names, sizes[name])
        if config.output.tensorboard:
            size = (sizes or {}).get("events")
            if size is None:
                self._logs["events"] = EventWriter(run.events_path, self.started)
            else:
                self._logs["events"] = EventWriter.open_at(run.events_path, size)


def _identity(path: Path) -> tuple[int, int] | None:
    """Which folder stands at a path, None for none; a link is another than what it leads to."""
    try:
        stat = os.lstat(path)
    except OSError:
        return None
    return stat.st_dev, stat.st_ino
