"""The policy that training stays near: the one that it began with, or that of another run.

The policy of another run is copied into the run's folder when training begins: what becomes of that other run
does not matter to a resumed one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from ppo_cli.config.choices import INITIAL
from ppo_cli.config.dump import yaml_text
from ppo_cli.config.schema import RunConfig
from ppo_cli.errors import CorruptFileError, PpoError, UsageError
from ppo_cli.learn.population import Member
from ppo_cli.nn.actor_critic import ActorCritic
from ppo_cli.nn.policy_output import PolicyOutput
from ppo_cli.play.policy import Policy, load_policy
from ppo_cli.runs.run_dir import RunDir
from ppo_cli.spaces import ActionSpec, EnvSpec

KEY = "learning.reference"


class Reference(Protocol):
    """A fixed policy for each member, to be asked what it would have done."""

    def outputs(
        self,
        obs: Tensor,  # [M, B, O], as the policy in training sees them
        raw_obs: Tensor,  # [M, B, O], before normalisation
    ) -> PolicyOutput:
        """Compute what each reference says, for the distribution of the policy in training; a copy."""

    def keep(self, rows: Tensor) -> Reference:
        """Select the references of some members."""


@dataclass(frozen=True)
class InitialPolicies:
    """Every member's own policy before training.

    Attributes:
        net: The networks' shape.
        params: Initial parameters, ``[M, P]``.
    """

    net: ActorCritic
    params: Tensor

    def outputs(self, obs: Tensor, raw_obs: Tensor) -> PolicyOutput:
        """Compute outputs from ``obs``, normalised as the policy in training sees them now."""
        output, _ = self.net.forward(self.params, obs)
        return output.clone()

    def keep(self, rows: Tensor) -> InitialPolicies:
        """See :class:`Reference`."""
        return replace(self, params=self.params[rows])


@dataclass(frozen=True)
class PoliciesOfRuns:
    """Policies of other runs: one for all members, or several where a run was trained on in between.

    Attributes:
        policies: One per member; members that share one hold the same object.
    """

    policies: tuple[Policy, ...]

    def outputs(self, obs: Tensor, raw_obs: Tensor) -> PolicyOutput:
        """Compute outputs from ``raw_obs``, which each policy normalises by its own statistics."""
        heads: list[Tensor] = [raw_obs] * len(self.policies)
        log_stds: list[Tensor | None] = [None] * len(self.policies)
        for policy in dict.fromkeys(self.policies):
            rows = [row for row, own in enumerate(self.policies) if own is policy]
            output = _output(policy, raw_obs[rows])
            for place, row in enumerate(rows):
                heads[row] = output.head[place]
                log_stds[row] = None if output.log_std is None else output.log_std[place]
        stds = [own for own in log_stds if own is not None]
        return PolicyOutput(torch.stack(heads), torch.stack(stds) if stds else None)

    def keep(self, rows: Tensor) -> PoliciesOfRuns:
        """See :class:`Reference`."""
        return PoliciesOfRuns(tuple(self.policies[row] for row in rows.tolist()))


def _output(policy: Policy, raw_obs: Tensor) -> PolicyOutput:
    """Compute the outputs of one policy, for the members that share it."""
    params = policy.params.expand(len(raw_obs), -1).contiguous()
    output, _ = policy.net.forward(params, policy.normalizer(raw_obs))
    return output.clone()


def policies_of_runs(members: Sequence[Member], spec: EnvSpec) -> PoliciesOfRuns:
    """Read the members' references from their own copies; members that begin get their copies now.

    Raises:
        UsageError: There is no policy at that place, or it is not one for this environment and these actions.
        CorruptFileError: It is damaged, or the copy of a run that goes on is not there.
        StorageError: It cannot be copied into a run's folder.
    """
    originals: dict[str, Policy] = {}
    references: list[Policy] = []
    for member in members:
        run, config = member.run_dir, member.config
        if run and (member.checkpoint or os.path.lexists(run.reference_path)):
            policy = _own_copy(run, config)
            _check_fits(policy, run.reference_path, config, spec)
        else:
            near = () if run is None else (run.path.parent, run.path.parent.parent)
            policy = originals.get(config.learning.reference) or original_reference(config, spec, near)
            originals[config.learning.reference] = policy
            if run:
                policy.save(run.reference_path)
        references.append(next((other for other in references if _are_equal(policy, other)), policy))
    return PoliciesOfRuns(tuple(references))


def original_reference(config: RunConfig, spec: EnvSpec, near: Sequence[Path] = ()) -> Policy:
    """Read the policy that a run's settings name as its reference: a path, or the name of a run.

    Args:
        config: The settings.
        spec: The environment.
        near: Folders that hold runs.

    Raises:
        UsageError: There is no policy at that place, or it is not one for this environment and these actions.
        CorruptFileError: It is damaged.
    """
    named = (folder / config.learning.reference for folder in near)
    here = Path(config.learning.reference)
    path = here if os.path.lexists(here) else next(filter(os.path.lexists, named), here)
    hint = f"give a run's name, the path of its folder, such as runs/NAME, or of a policy file, or {INITIAL}"
    if not os.path.exists(path):
        where = "" if path.is_absolute() else f" in {Path.cwd()}"
        raise UsageError(f"{KEY}: {path} does not exist{where}", hint=hint, key=KEY, file=path)
    try:
        policy = load_policy(path)
    except PpoError as error:
        raise type(error)(f"{KEY}: {error.message}", hint=hint, key=KEY, file=error.file or path) from error
    _check_fits(policy, path, config, spec)
    return policy


def _own_copy(run: RunDir, config: RunConfig) -> Policy:
    """Read the copy of the reference in a run's folder."""
    try:
        return Policy.load(run.reference_path)
    except (CorruptFileError, UsageError) as error:
        raise CorruptFileError(
            f"{KEY}: {error.message}",
            hint=f"{run.name} needs its copy of the policy of {config.learning.reference}: bring it back, "
            "or copy it from another run that began with it",
            key=KEY,
            file=run.reference_path,
        ) from error


def _are_equal(a: Policy, b: Policy) -> bool:
    return a.shape == b.shape and all(
        torch.equal(getattr(a, name), getattr(b, name)) for name in ("params", "obs_mean", "obs_var")
    )


def _check_fits(policy: Policy, path: Path, config: RunConfig, spec: EnvSpec) -> None:
    """Refuse a reference that cannot judge what a run does."""
    own, network = policy.shape, config.network
    differences = [
        ("environment is", own.spec.env_id, spec.env_id),
        ("observations are", f"{own.spec.obs_size} numbers", f"{spec.obs_size} numbers"),
        ("actions are", _in_words(own.spec.action), _in_words(spec.action)),
    ]
    if spec.action.kind == "box":
        differences += [
            ("policy is", own.policy, network.policy),
            ("squash is", yaml_text(own.squash), yaml_text(network.squash)),
        ]
    for what, actual, expected in differences:
        if actual != expected:
            raise UsageError(
                f"{KEY}: {path} does not fit this run: its {what} {actual}, not {expected}",
                hint=f"give a run of the same environment and the same kind of policy, or {INITIAL}",
                key=KEY,
                file=path,
            )


def _in_words(action: ActionSpec) -> str:
    """Describe actions for a message: ``4 choices``, ``2 in [-1, 1]``."""
    if action.kind == "discrete":
        return f"{action.size} choices"
    bounds = dict.fromkeys(zip(action.low, action.high, strict=True))
    return f"{action.size} in " + ", ".join(f"[{low:g}, {high:g}]" for low, high in bounds)
