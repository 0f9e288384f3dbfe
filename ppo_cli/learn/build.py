"""From a population to its state: folders locked, networks, environments and hyperparameters made."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ppo_cli.config.choices import INITIAL
from ppo_cli.config.schema import RunConfig
from ppo_cli.envs.from_settings import make_envs
from ppo_cli.envs.member_envs import MemberEnvs
from ppo_cli.errors import PpoError, RunLockedError
from ppo_cli.kernels.library import loaded_kernels
from ppo_cli.learn.agent import Agent
from ppo_cli.learn.algorithms.registry import make_algorithm
from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.learned_reward import learned_rewards
from ppo_cli.learn.learner_state import LearnerState
from ppo_cli.learn.population import Member, Population
from ppo_cli.learn.population_state import PopulationRows, PopulationState
from ppo_cli.learn.recorder import Recorder
from ppo_cli.learn.reference import InitialPolicies, Reference, policies_of_runs
from ppo_cli.learn.resume import resume
from ppo_cli.nn.actor_critic import ActorCritic
from ppo_cli.nn.compiled import CompiledActorCritic
from ppo_cli.nn.distributions import make_distribution
from ppo_cli.rng import Stream, generator
from ppo_cli.runs.checkpoints import load_latest_checkpoint
from ppo_cli.runs.run_dir import RunDir
from ppo_cli.spaces import EnvSpec


@contextlib.contextmanager
def open_population(population: Population) -> Iterator[PopulationState]:
    """Lock the runs, open their files and environments; close them at the end.

    Raises:
        RunLockedError: Another process writes one of the runs, or has just done so.
        UsageError: The environment or the reference cannot be had, or a run's settings have changed.
        CorruptFileError: A checkpoint or a copy of a reference is damaged.
        StorageError: The folders cannot be written.
    """
    with contextlib.ExitStack() as stack:
        for member in population.members:
            if member.run_dir:
                stack.enter_context(member.run_dir.lock())
                _check_unchanged(member.run_dir, member.iteration)
        state = build(population)
        stack.callback(state.close)
        state.write_summaries("training")
        try:
            yield state
        except Exception as error:
            with contextlib.suppress(PpoError):  # a full disk may be why we are here
                state.write_summaries("failed", str(error))
            raise


def build(population: Population) -> PopulationState:
    """Make the state of a population: new, or where its checkpoints left it."""
    members = list(population.members)
    configs, notices = [member.config for member in members], list(population.notices)
    with contextlib.ExitStack() as stack:
        envs = make_envs(configs)
        stack.callback(envs.close)
        agent = make_agent(population.config, envs.spec)
        learner = _learner(members, agent, envs, notices)
        reference = _reference(members, agent, envs.spec)
        rows = PopulationRows(
            members=members,
            hyper=Hyperparams.stack(configs),
            clip_obs=torch.tensor([config.normalization.clip_obs for config in configs]),
            learner=learner,
            envs=envs,
            recorders=[Recorder(member, envs.term_names) for member in members],
            reference=reference,
            learned=learned_rewards(members, envs.spec, agent.net.kernels),
        )
        stack.pop_all()  # from here on the state closes them
    return PopulationState(population.config, agent, rows, notices)


def make_agent(config: RunConfig, spec: EnvSpec) -> Agent:
    """Make networks, distribution and algorithm from settings."""
    network = config.network
    critic = config.facts.critic(config.learning)
    net = ActorCritic(spec, network.hidden_sizes, network.activation, network.policy, critic)
    if config.compute.engine == "compiled":
        net = CompiledActorCritic(loaded_kernels(), net, config.compute.num_threads)
    distribution = make_distribution(spec.action, network.policy, network.squash)
    return Agent(net, distribution, make_algorithm(config.algorithm, config.learning))


def initial_params(members: Sequence[Member], net: ActorCritic) -> Tensor:  # [M, P]
    """Draw the parameters with which members begin, each from its own stream."""
    rngs = [generator(member.config.seed, Stream.INIT) for member in members]
    return net.init(rngs, [member.config.network.log_std_init for member in members])


def _learner(members: Sequence[Member], agent: Agent, envs: MemberEnvs, notices: list[str]) -> LearnerState:
    """Reset the environments and begin, or go on from checkpoints; adds to ``notices`` how that went."""
    if members[0].checkpoint:
        learner, notice = resume(members, agent.net.num_params, envs)
        notices += [notice] if notice else []
        return learner
    envs.reset()
    return LearnerState.initial(initial_params(members, agent.net), envs.spec.obs_size)


def _reference(members: Sequence[Member], agent: Agent, spec: EnvSpec) -> Reference | None:
    """Make the reference policies that the algorithm holds the members to; None where it has none."""
    config = members[0].config
    name = config.facts.reference(config.learning)
    if name is None:
        return None
    if name == INITIAL:
        return InitialPolicies(agent.net, initial_params(members, agent.net))
    return policies_of_runs(members, spec)


def _check_unchanged(run: RunDir, iteration: int) -> None:
    """Refuse a run that another process took further between the loading of its checkpoint and now."""
    newest = load_latest_checkpoint(run, lambda _: None)
    if (newest.iteration if newest else 0) != iteration:
        raise RunLockedError(
            f"{run.name} was trained by another process a moment ago",
            hint="Resume it again to go on from there.",
        )
