"""A population at work: who is still training, and everything that changes while they do."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ppo_cli.config.schema import RunConfig
from ppo_cli.envs.episodes import EpisodeRecord
from ppo_cli.envs.member_envs import MemberEnvs
from ppo_cli.learn.agent import Agent
from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.iteration_report import IterationReport, MemberReport
from ppo_cli.learn.learned_reward import LearnedRewards
from ppo_cli.learn.learner_state import LearnerState
from ppo_cli.learn.population import Member
from ppo_cli.learn.recorder import Recorder
from ppo_cli.learn.reference import Reference
from ppo_cli.nn.normalize import ObsNormalizer
from ppo_cli.play.policy import Policy, PolicyShape
from ppo_cli.runs.eval_stats import EvalStats


@dataclass
class PopulationRows:
    """Everything that has a row for each member; row m of each is member m.

    Attributes:
        members: Those that still train.
        hyper: Their per-member settings.
        clip_obs: Largest normalised observation, ``[M]``.
        learner: Parameters, observation statistics, adapted hyperparameters.
        envs: Their environments.
        recorders: The writers of their run folders.
        reference: The policies that they stay near, or None.
        learned: What pays them in place of the environment, or None.
    """

    members: list[Member]
    hyper: Hyperparams
    clip_obs: Tensor
    learner: LearnerState
    envs: MemberEnvs
    recorders: list[Recorder]
    reference: Reference | None
    learned: LearnedRewards | None = None

    def with_learned_return(self, episode: EpisodeRecord) -> EpisodeRecord:
        """An episode that has just been reported, with what the learned rewards of it came to."""
        if self.learned is None:
            return episode
        return replace(episode, learned_return=self.learned.members[episode.member].pop_return())

    def learned_tensors(self, row: int) -> dict[str, np.ndarray]:
        """What a member's learned reward has in a checkpoint."""
        return {} if self.learned is None else self.learned.members[row].tensors()

    def keep(self, rows: list[int]) -> None:
        """Drop all members but these; their files are closed."""
        for row in set(range(len(self.members))).difference(rows):
            self.recorders[row].close()
        self.members = [self.members[row] for row in rows]
        self.recorders = [self.recorders[row] for row in rows]
        if not rows:
            return
        kept = torch.tensor(rows)
        self.hyper, self.learner = self.hyper.keep(kept), self.learner.keep(kept)
        self.clip_obs = self.clip_obs[kept]
        self.reference = self.reference.keep(kept) if self.reference else None
        if self.learned is not None:
            self.learned.keep(rows)
        self.envs.keep(rows)


class PopulationState:
    """The state that the training loop changes. Made by :func:`~ppo_cli.learn.build.open_population`.

    Args:
        config: Settings of the first member, for the static half that all share.
        agent: Networks, distribution and algorithm.
        rows: Everything that has a row for each member.
        notices: What the user should know; the next report brings them.

    Attributes:
        num_iterations: Iterations until ``total_timesteps`` are reached.
        timings: Seconds in this process by activity.
        failures: Status and reason of members that cannot go on, by row; empty once they are dropped.
        final: The final evaluations, by row; None until they are made.
        steps_taken: Environment steps of all members in this process, without waiting.
    """

    def __init__(self, config: RunConfig, agent: Agent, rows: PopulationRows, notices: list[str]) -> None:
        self.config, self.agent, self.rows = config, agent, rows
        self.num_iterations = config.num_iterations
        self.timings: dict[str, float] = defaultdict(float)
        self.failures: dict[int, tuple[str, str]] = {}
        self.final: list[EvalStats] | None = None
        self._notices = notices
        self._all = tuple(rows.members)
        self._ended: dict[int, MemberReport] = {}  # by id(member): without folders, names may be equal
        self._began = time.perf_counter()
        self._wall_time = 0.0
        self.steps_taken = 0

    # ------------------------------------------------------------------ facts

    @property
    def members(self) -> list[Member]:
        """Members still training, in the order of the rows of every tensor."""
        return self.rows.members

    @property
    def learner(self) -> LearnerState:
        """Parameters, observation statistics, adapted hyperparameters."""
        return self.rows.learner

    @property
    def seeds(self) -> list[int]:
        """The members' seeds."""
        return [member.config.seed for member in self.members]

    @property
    def iteration(self) -> int:
        """Iterations done."""
        return self.learner.iteration

    @property
    def global_step(self) -> int:
        """Environment steps of one member so far."""
        return self.iteration * self.config.steps_per_iteration

    @property
    def steps_per_second(self) -> float:
        """Environment steps of all members together per second of this process."""
        return self.steps_taken / max(time.perf_counter() - self._began, 1e-9)

    def hyper_now(self) -> Hyperparams:
        """Compute the hyperparameters of this iteration: annealed and adapted, ``[M]`` each."""
        return self.rows.hyper.at(1 - self.iteration / self.num_iterations, self.learner.adapted)

    def normalizer(self) -> ObsNormalizer:
        """Make the observation normalisation from the current statistics."""
        enabled, statistics = self.config.normalization.normalize_obs, self.learner.statistics
        return ObsNormalizer.make(enabled, statistics.mean, statistics.var, self.rows.clip_obs)

    def policy(self, row: int) -> Policy:
        """Copy one member's current policy."""
        config, statistics = self.members[row].config, self.learner.statistics
        shape = PolicyShape(
            self.rows.envs.spec,
            config.network.hidden_sizes,
            config.network.activation,
            config.normalization.normalize_obs,
            config.normalization.clip_obs,
            config.network.policy,
            config.network.squash,
            self.agent.net.critic,
        )
        params = self.learner.agent.params[row].clone()
        return Policy(shape, params, statistics.mean[row].clone(), statistics.var[row].clone())

    # ------------------------------------------------------------------ changes

    @contextlib.contextmanager
    def timed(self, activity: str) -> Iterator[None]:
        """Add the seconds of a block to an activity of :attr:`timings`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.timings[activity] += time.perf_counter() - started

    def fail(self, failures: Mapping[int, str], status: str = "diverged") -> None:
        """Note members that cannot go on, by row, each with its reason; the first one counts."""
        for row, reason in failures.items():
            self.failures.setdefault(row, (status, reason))

    def drop_failed(self) -> list[int] | None:
        """End the members that cannot go on; returns the rows that stay, or None when all do.

        Their last good checkpoint stays.
        """
        if not self.failures:
            return None
        for row, (status, reason) in self.failures.items():
            self._end(row, status, f"{reason}, in iteration {self.iteration}")
        kept = [row for row in range(len(self.members)) if row not in self.failures]
        self._keep(kept)
        self.failures = {}
        return kept

    def finish(self, status: str) -> None:
        """End every member that is still training."""
        for row in range(len(self.members)):
            self._end(row, status, final=self.final[row] if self.final else None)
        self._keep([])

    def write_summaries(self, status: str, reason: str | None = None) -> None:
        """Write the status of every run that is still training to its ``summary.json``."""
        for recorder in self.rows.recorders:
            recorder.summarize(status, self.global_step, self.steps_per_second, reason)

    def report(self) -> IterationReport:
        """Report on all members, also on those that have ended; takes the notices along."""
        reports = {id(recorder.member): recorder.report("training") for recorder in self.rows.recorders}
        reports |= self._ended
        wall_times = [recorder.wall_time for recorder in self.rows.recorders]
        self._wall_time = max(wall_times, default=self._wall_time)
        notices, self._notices = tuple(self._notices), []
        return IterationReport(
            iteration=self.iteration,
            num_iterations=self.num_iterations,
            global_step=self.global_step,
            total_timesteps=self.config.total_timesteps,
            wall_time=self._wall_time,
            steps_per_second=self.steps_per_second,
            timings=dict(self.timings),
            members=tuple(reports[id(member)] for member in self._all),
            notices=notices,
        )

    def close(self) -> None:
        """Close files and environments."""
        for recorder in self.rows.recorders:
            recorder.close()
        self.rows.envs.close()

    def _keep(self, rows: list[int]) -> None:
        """Drop the other members; the longest wall time stays known."""
        leaving = [recorder for row, recorder in enumerate(self.rows.recorders) if row not in rows]
        self._wall_time = max([self._wall_time, *(recorder.wall_time for recorder in leaving)])
        self.rows.keep(rows)

    def _end(self, row: int, status: str, reason: str | None = None, final: EvalStats | None = None) -> None:
        """Note how a member ended, and write its summary."""
        recorder = self.rows.recorders[row]
        self._ended[id(recorder.member)] = recorder.report(status, reason, final)
        speed = self.steps_per_second
        recorder.summarize(status, self.global_step, speed, reason, final, by_itself=status == "failed")
