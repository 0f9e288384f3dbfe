"""All settings of a run: the sections, what stands at the top level, and what has to go together.

The tables in ``docs/``, ``ppo config``, ``--help`` and the error messages are all made from these classes
and those of ``sections``. Leaf names are unique, so ``eps_clip`` needs no section path on the command line.
"""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field, model_validator

from ppo_cli.config.algorithms import ALGORITHMS, AlgorithmFacts, objection, uses
from ppo_cli.config.choices import MAX_SEED
from ppo_cli.config.marks import ENV_ID_PATTERN, PER_MEMBER, Allowed, Grid, Int, Name, OneOf, PlainData
from ppo_cli.config.sections import (
    Compute,
    Evaluation,
    Learning,
    Network,
    Normalization,
    Output,
    RewardShaping,
    Rollout,
    Section,
    disagreement,
)

MAX_BATCH = 4_194_304
"""The most transitions of one member in one iteration; a mistyped number must not fill the memory."""

_SIZES = ("rollout.num_steps", "rollout.num_envs")


class RunConfig(Section):
    """All settings of one run."""

    env_id: Annotated[str, Field(pattern=ENV_ID_PATTERN), Allowed("of letters, digits and _ . / : -")]
    """Gymnasium id of the environment, or "module:Env-v0" for one of your own."""
    algorithm: Annotated[str, OneOf(ALGORITHMS), Grid(*ALGORITHMS)] = "ppo-clip"
    """The learning algorithm; `ppo algorithms` explains them."""
    seed: Annotated[Int, Field(ge=0, le=MAX_SEED), PER_MEMBER] = 1
    """Every random number of the run follows from it."""
    total_timesteps: Annotated[Int, Field(ge=1, le=10**12), Grid(50_000, 100_000, 200_000)] = 100_000
    """Environment steps of the whole run, all its environments together."""
    env_kwargs: Annotated[dict[Name, PlainData], Field(max_length=64)] = Field(default_factory=dict)
    """Arguments for the environment, for example {enable_wind: true}."""

    rollout: Rollout = Field(default_factory=Rollout)
    learning: Learning = Field(default_factory=Learning)
    network: Network = Field(default_factory=Network)
    normalization: Normalization = Field(default_factory=Normalization)
    reward_shaping: RewardShaping = Field(default_factory=RewardShaping)
    evaluation: Evaluation = Field(default_factory=Evaluation)
    output: Output = Field(default_factory=Output)
    compute: Compute = Field(default_factory=Compute)

    @property
    def steps_per_iteration(self) -> int:
        """Environment steps collected before each update: num_envs * num_steps."""
        return self.rollout.num_envs * self.rollout.num_steps

    @property
    def facts(self) -> AlgorithmFacts:
        """The facts of the algorithm."""
        return ALGORITHMS[self.algorithm]

    @property
    def learns_reward(self) -> bool:
        """Whether rewards are those of a model, or of a null in its place."""
        return self.learning.reward_model is not None

    @property
    def has_reference(self) -> bool:
        """Whether there is a policy to stay near."""
        return self.facts.reference(self.learning) is not None

    @property
    def num_iterations(self) -> int:
        """Iterations until ``total_timesteps`` are reached or passed."""
        return -(-self.total_timesteps // self.steps_per_iteration)

    @model_validator(mode="after")
    def _only_what_the_algorithm_uses(self) -> RunConfig:
        for name, field in Learning.model_fields.items():
            if not uses(self.algorithm, name) and getattr(self.learning, name) != field.default:
                raise disagreement(f"learning.{name}", *objection(self.algorithm, name), "algorithm")
        return self

    @model_validator(mode="after")
    def _one_reward_is_learned_from(self) -> RunConfig:
        if self.learns_reward and self.reward_shaping.pays:
            raise disagreement(
                "learning.reward_model", f"reward_shaping.mode is {self.reward_shaping.mode}: two rewards",
                "learn from one of them; mode=log records the terms beside it", "reward_shaping.mode",
            )  # fmt: skip
        return self

    @model_validator(mode="after")
    def _groups_fit(self) -> RunConfig:
        num_envs, size = self.rollout.num_envs, self.learning.group_size
        if uses(self.algorithm, "group_size") and num_envs % size:
            sizes = _join([n for n in divisors(num_envs) if n >= 2][:6])
            more = [n for n in (num_envs // size * size, -(-num_envs // size) * size) if n]
            raise disagreement(
                "learning.group_size",
                f"groups of {size} do not divide num_envs = {num_envs}",
                f"num_envs may be {_join(more)}" + (f", or group_size {sizes}" if sizes else ""),
                *_SIZES, "algorithm",
            )  # fmt: skip
        return self

    @model_validator(mode="after")
    def _minibatches_fit(self) -> RunConfig:
        batch, parts = self.steps_per_iteration, self.facts.num_minibatches(self.learning)
        if batch > MAX_BATCH:
            raise disagreement(
                "rollout.num_steps",
                f"num_envs * num_steps is {batch}, more than {MAX_BATCH} transitions",
                "use fewer environments or fewer steps",
                *_SIZES,
            )
        if batch < 2:
            text = "num_envs * num_steps is 1; at least 2 are needed"
            raise disagreement("rollout.num_steps", text, "use more steps", *_SIZES)
        if batch % parts or batch // parts < 2:
            sizes = f"num_envs * num_steps = {self.rollout.num_envs} * {self.rollout.num_steps} = {batch}"
            raise disagreement(
                "learning.num_minibatches",
                f"{parts} does not cut {sizes} into equal parts of at least 2",
                f"num_minibatches may be {_join(minibatch_choices(batch, parts))}",
                *_SIZES,
            )
        return self


def _join(values: list[int]) -> str:
    return " or ".join(str(value) for value in values)


def minibatch_choices(batch: int, wanted: int, count: int = 4) -> list[int]:
    """The numbers of minibatches nearest to ``wanted`` that cut ``batch`` into equal parts of at least 2."""
    fitting = [n for n in divisors(batch) if n < batch]
    return sorted(sorted(fitting, key=lambda n: (abs(math.log(n / wanted)), n))[:count])


def divisors(number: int) -> list[int]:
    """List the divisors of a positive whole number, itself included, in order."""
    small = [n for n in range(1, math.isqrt(number) + 1) if number % n == 0]
    return sorted({*small, *(number // n for n in small)})
