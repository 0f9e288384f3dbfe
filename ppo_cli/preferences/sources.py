"""Who plays the episodes of a preference set: a run's policy at several ages, or an untrained agent."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ppo_cli.errors import UsageError
from ppo_cli.play.policy import Policy, PolicyShape
from ppo_cli.rng import Stream, generator
from ppo_cli.runs.kept_policies import kept_policies
from ppo_cli.runs.run_dir import RunDir
from ppo_cli.spaces import EnvSpec
from ppo_cli.storage.files import read_file
from ppo_cli.storage.tensor_file import MAX_FILE_BYTES

UNTRAINED_SIZES = (64, 64)


@dataclass(frozen=True)
class Source:
    """A policy that plays.

    Attributes:
        name: For people: the run, and its age where it has several.
        policy: The policy; its actions are sampled.
        sha256: Of its file; of an untrained one, of its parameters.
    """

    name: str
    policy: Policy
    sha256: str


def sources_of_runs(runs: Sequence[RunDir], spec: EnvSpec) -> list[Source]:
    """Each run's policy at the ages at which it was kept (``keep_policies``), or the last one where none was.

    Raises:
        UsageError: A run has no policy yet, or plays another environment.
        CorruptFileError: A policy is damaged.
    """
    sources = []
    for run in runs:
        ages = [(f"{run.name} after {kept.steps:,} steps", kept.path) for kept in kept_policies(run)]
        for name, path in ages or [(run.name, run.policy_path)]:
            sources.append(_source(name, path, spec))
    return sources


def untrained(spec: EnvSpec, seed: int) -> Source:
    """An agent before its first update, with networks of usual size."""
    shape = PolicyShape(spec, UNTRAINED_SIZES, "tanh", normalize_obs=False, clip_obs=10.0)
    params = shape.network().init([generator(seed, Stream.CLIP, 2**31)], [0.0])[0]
    mean, var = (
        torch.zeros(spec.obs_size, dtype=torch.float64),
        torch.ones(spec.obs_size, dtype=torch.float64),
    )
    return Source(
        "untrained", Policy(shape, params, mean, var), hashlib.sha256(params.numpy().tobytes()).hexdigest()
    )


def _source(name: str, path: Path, spec: EnvSpec) -> Source:
    if not path.exists():
        raise UsageError(f"{name} has no policy yet", hint="it is written when training saves a checkpoint")
    policy = Policy.load(path)
    own = policy.shape.spec
    if (own.env_id, own.obs_size, own.action) != (spec.env_id, spec.obs_size, spec.action):
        raise UsageError(
            f"{name} plays {own.env_id}, and the set is of {spec.env_id}",
            hint="give runs of one environment",
        )
    return Source(name, policy, hashlib.sha256(read_file(path, MAX_FILE_BYTES)).hexdigest())
