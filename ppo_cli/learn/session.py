"""A population at work: the state, the environments, the recorders, and who is still training."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from ppo_cli.config.sections import INITIAL
from ppo_cli.envs.from_settings import make_envs
from ppo_cli.errors import PpoError, RunLockedError
from ppo_cli.learn.algorithms import ALGORITHMS
from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.iteration_report import IterationReport, MemberReport
from ppo_cli.learn.population import Population
from ppo_cli.learn.recorder import Recorder
from ppo_cli.learn.reference import InitialPolicies, Reference, policies_of_runs
from ppo_cli.learn.resume import checkpoint_tensors, resume
from ppo_cli.learn.rollout import Rollout
from ppo_cli.learn.train_state import TrainState
from ppo_cli.learn.update import Learner
from ppo_cli.nn.actor_critic import ActorCritic
from ppo_cli.nn.distributions import make_distribution
from ppo_cli.nn.normalize import ObsNormalizer, update_statistics_
from ppo_cli.play.evaluate import play_episodes
from ppo_cli.play.policy import Policy, PolicyShape
from ppo_cli.rng import Stream, generator
from ppo_cli.runs.checkpoints import load_latest_checkpoint
from ppo_cli.runs.eval_stats import EvalStats
from ppo_cli.runs.kept_policies import keep_due
from ppo_cli.runs.run_dir import RunDir


class Session:
    """What the training loop works on. Make it with :meth:`open`.

    Attributes:
        config: Settings of the first member, for the static half.
        members: Members still training, in the order of the rows of every tensor.
        state: The learner's state.
        envs: Their environments.
        hyper: Their per-member settings.
        net: The networks' shape.
        distribution: How actions are drawn.
        algorithm: What is minimised.
        learner: The last three together.
        reference: The policy that the algorithm holds on to, or None.
        num_iterations: Iterations until ``total_timesteps`` are reached.
        timings: Seconds in this session by activity.
    """

    def __init__(self, population: Population) -> None:
        """Internal: see :meth:`open`."""
        self.config = population.config
        self.members = list(population.members)
        config, configs = self.config, [member.config for member in self.members]
        self.envs = make_envs(configs)
        self.algorithm = ALGORITHMS[config.algorithm](config.learning)
        network = config.network
        self.net = ActorCritic(
            self.envs.spec,
            network.hidden_sizes,
            network.activation,
            network.policy,
            critic=self.algorithm.has_critic,
        )
        self.distribution = make_distribution(self.envs.spec.action, network.policy, network.squash)
        self.learner = Learner(self.net, self.distribution, self.algorithm)
        self.hyper = Hyperparams.stack(configs)
        self.clip_obs = torch.tensor([c.normalization.clip_obs for c in configs])
        self.num_iterations = config.num_iterations
        self.timings: dict[str, float] = defaultdict(float)
        self.notices: list[str] = list(population.notices)
        self._failures: dict[int, str] = {}
        self._all = tuple(self.members)
        self._ended: dict[int, MemberReport] = {}  # by id(member): without folders, names may be equal
        self._began = time.perf_counter()
        self.state = self._initial_state()
        self.reference = self._reference()
        self._wall_time = 0.0
        self._final: list[EvalStats] | None = None
        self._steps_done = 0
        self.recorders = [Recorder(member, self.envs.term_names) for member in self.members]

    @classmethod
    @contextlib.contextmanager
    def open(cls, population: Population) -> Iterator[Session]:
        """Lock the runs, open their files and environments; close them at the end."""
        with contextlib.ExitStack() as stack:
            for member in population.members:
                if member.run_dir:
                    stack.enter_context(member.run_dir.lock())
                    _check_unchanged(member.run_dir, member.iteration)
            session = cls(population)
            stack.callback(session.close)
            session.write_summaries("training")
            try:
                yield session
            except Exception as error:
                with contextlib.suppress(PpoError):  # a full disk may be why we are here
                    session.write_summaries("failed", str(error))
                raise

    # ------------------------------------------------------------------ facts

    @property
    def seeds(self) -> list[int]:
        """The members' seeds."""
        return [member.config.seed for member in self.members]

    @property
    def global_step(self) -> int:
        """Environment steps of one member so far."""
        return self.state.iteration * self.config.steps_per_iteration

    @property
    def steps_per_second(self) -> float:
        """Environment steps of all members together per second of this session."""
        return self._steps_done / max(time.perf_counter() - self._began, 1e-9)

    def normalizer(self) -> ObsNormalizer:
        """The observation normalisation as it stands."""
        enabled = self.config.normalization.normalize_obs
        return ObsNormalizer.make(enabled, self.state.obs_mean, self.state.obs_var, self.clip_obs)

    def policy(self, row: int) -> Policy:
        """One member's current policy."""
        config = self.members[row].config
        shape = PolicyShape(
            self.envs.spec,
            config.network.hidden_sizes,
            config.network.activation,
            config.normalization.normalize_obs,
            config.normalization.clip_obs,
            config.network.policy,
            config.network.squash,
            self.net.critic,
        )
        state = self.state
        return Policy(
            shape, state.params[row].clone(), state.obs_mean[row].clone(), state.obs_var[row].clone()
        )

    @contextlib.contextmanager
    def timed(self, activity: str) -> Iterator[None]:
        """Count the time of a block."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.timings[activity] += time.perf_counter() - started

    # ------------------------------------------------------------------ the steps of an iteration

    def update_statistics(self, rollout: Rollout) -> None:
        """Merge a rollout's observations into the running statistics."""
        if self.config.normalization.normalize_obs:
            state = self.state
            obs, idle = rollout.raw_obs[:, :-1].flatten(1, 2), rollout.idle.flatten(1, 2)
            update_statistics_(state.obs_mean, state.obs_var, state.obs_count, obs, ~idle)

    def check_rollout(self, rollout: Rollout) -> None:
        """Notice observations and rewards that are not finite, and where they came from."""
        for name, values, first_step in (("observation", rollout.raw_obs, 0), ("reward", rollout.rewards, 1)):
            finite = torch.isfinite(values)
            if finite.all():
                continue
            wrong = ~(finite.all(-1) if finite.dim() > 3 else finite)
            for row, t, env in wrong.nonzero().tolist():
                step = t + first_step
                self._failures.setdefault(
                    row, f"{name} of environment {env} became non-finite at step {step}"
                )

    def fail(self, failures: Mapping[int, str]) -> None:
        """Note members that cannot go on, by row."""
        for row, reason in failures.items():
            self._failures.setdefault(row, reason)

    def drop_diverged(self, metrics: dict[str, Tensor]) -> None:
        """Take out the members that cannot go on, and their rows of ``metrics``.

        Their last good checkpoint stays.
        """
        finite = torch.isfinite(self.state.params).all(1)
        self.fail(dict.fromkeys((~finite).nonzero().flatten().tolist(), "parameters became non-finite"))
        if not self._failures:
            return
        self._log_episodes()  # while their member numbers are still the rows
        for row, reason in self._failures.items():
            self._end(row, "diverged", f"{reason}, in iteration {self.state.iteration}")
        kept = [row for row in range(len(self.members)) if row not in self._failures]
        self._keep(kept)
        metrics.update({name: values[kept] for name, values in metrics.items()})
        self._failures = {}

    def count_steps(self, rollout: Rollout) -> None:
        """Count the environment steps that a rollout really took."""
        self._steps_done += int((~rollout.idle).sum())

    def evaluation_due(self) -> bool:
        """Whether one of ``num_evals`` evenly spaced evaluations falls on this iteration."""
        number, done = self.config.evaluation.num_evals, self.state.iteration
        return number * done // self.num_iterations > number * (done - 1) // self.num_iterations

    def evaluate(self, stop: Callable[[], bool]) -> bool:
        """Evaluate every member and keep the best policies; False when stopped."""
        with self.timed("evaluation"):
            episodes = self.config.evaluation.eval_episodes
            results = self._play(Stream.EVAL, self.state.iteration, episodes, stop)
            if results is None:
                return False
            for row, stats in enumerate(results):
                self.recorders[row].evaluation(self.global_step, stats, self.policy(row))
        return True

    def log(self, metrics: Mapping[str, Tensor]) -> None:
        """Write the finished episodes and one row of metrics per member."""
        self._log_episodes()
        rows = {name: values.tolist() for name, values in metrics.items()}
        for row, recorder in enumerate(self.recorders):
            own: dict[str, float] = {name: values[row] for name, values in rows.items()}
            own |= {"iteration": self.state.iteration, "global_step": self.global_step}
            if recorder.last_eval is not None and recorder.last_eval_step == self.global_step:
                own["eval/episode_return"] = recorder.last_eval.mean
            own |= {"time/wall_time": recorder.wall_time, "time/steps_per_second": self.steps_per_second}
            recorder.iteration(own)

    # ------------------------------------------------------------------ saving and ending

    def save(self) -> None:
        """A checkpoint of every member."""
        with self.timed("checkpoint"):
            progress = self.envs.progress()
            for row, recorder in enumerate(self.recorders):
                tensors = checkpoint_tensors(self.state, progress, row)
                recorder.checkpoint(self.state.iteration, tensors, self.policy(row))

    def keep_policies(self) -> None:
        """Keep every member's policy if one of ``keep_policies`` falls on this iteration."""
        if keep_due(self.state.iteration, self.num_iterations, self.config.output.keep_policies):
            for row, recorder in enumerate(self.recorders):
                recorder.keep_policy(self.global_step, self.policy(row))

    def final_evaluation(self, stop: Callable[[], bool]) -> bool:
        """Evaluate the last policies on fresh episodes; False when stopped."""
        if not self.config.evaluation.final_eval_episodes:
            return True
        with self.timed("evaluation"):
            self._final = self._play(Stream.FINAL_EVAL, 0, self.config.evaluation.final_eval_episodes, stop)
        return self._final is not None

    def finish(self, status: str) -> None:
        """End every member that is still training."""
        for row in range(len(self.members)):
            self._end(row, status, final=self._final[row] if self._final else None)
        self._keep([])

    def write_summaries(self, status: str, reason: str | None = None) -> None:
        """Say in every ``summary.json`` how the runs stand that are still training."""
        for recorder in self.recorders:
            recorder.summarize(status, self.global_step, self.steps_per_second, reason)

    def report(self) -> IterationReport:
        """What has happened so far."""
        reports = {id(recorder.member): recorder.report("training") for recorder in self.recorders}
        reports |= self._ended
        wall_times = [recorder.wall_time for recorder in self.recorders]
        self._wall_time = max(wall_times, default=self._wall_time)
        notices, self.notices = tuple(self.notices), []
        return IterationReport(
            iteration=self.state.iteration,
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
        for recorder in self.recorders:
            recorder.close()
        self.envs.close()

    # ------------------------------------------------------------------ helpers

    def _log_episodes(self) -> None:
        for episode in self.envs.pop_episodes():
            self.recorders[episode.member].episode(episode)

    def _initial_state(self) -> TrainState:
        if self.members[0].checkpoint:
            state, notice = resume(self.members, self.net.num_params, self.envs)
            self.notices += [notice] if notice else []
            return state
        self.envs.reset()
        penalty = self.algorithm.penalty
        adapted = {penalty.coefficient: getattr(self.hyper, penalty.coefficient).clone()} if penalty else {}
        return TrainState.initial(self._initial_params(), self.envs.spec.obs_size, adapted)

    def _initial_params(self) -> Tensor:  # [M, P]
        rngs = [generator(seed, Stream.INIT) for seed in self.seeds]
        log_std = [member.config.network.log_std_init for member in self.members]
        return self.net.init(rngs, log_std)

    def _reference(self) -> Reference | None:
        wanted = self.algorithm.reference
        if wanted is None:
            return None
        if wanted == INITIAL:
            return InitialPolicies(self.net, self.distribution, self._initial_params())
        return policies_of_runs(self.members, self.envs.spec)

    def _play(
        self, stream: Stream, round_index: int, episodes: int, stop: Callable[[], bool]
    ) -> list[EvalStats] | None:
        return play_episodes(
            self.net,
            self.distribution,
            self.state.params,
            self.normalizer(),
            env_kwargs=self.config.env_kwargs,
            seeds=self.seeds,
            stream=stream,
            round_index=round_index,
            episodes=episodes,
            stop=stop,
        )

    def _keep(self, rows: list[int]) -> None:
        """Drop all members but these rows."""
        for row, recorder in enumerate(self.recorders):
            if row not in rows:
                self._wall_time = max(self._wall_time, recorder.wall_time)
                recorder.close()
        self.members = [self.members[row] for row in rows]
        self.recorders = [self.recorders[row] for row in rows]
        if not rows:
            return
        kept = torch.tensor(rows)
        self.state = self.state.keep(rows)
        self.hyper = self.hyper.keep(kept)
        self.clip_obs = self.clip_obs[kept]
        self.reference = self.reference.keep(kept) if self.reference else None
        self.envs.keep(rows)

    def _end(self, row: int, status: str, reason: str | None = None, final: EvalStats | None = None) -> None:
        recorder = self.recorders[row]
        self._ended[id(recorder.member)] = recorder.report(status, reason, final)
        recorder.summarize(status, self.global_step, self.steps_per_second, reason, final)


def _check_unchanged(run: RunDir, iteration: int) -> None:
    """Refuse a run that another process took further between the loading of its checkpoint and now."""
    newest = load_latest_checkpoint(run, lambda _: None)
    if (newest.iteration if newest else 0) != iteration:
        raise RunLockedError(
            f"{run.name} was trained by another process a moment ago",
            hint="Resume it again to go on from there.",
        )
