"""The sections of the settings: every setting's name, type, range, default and one line of explanation.

Written once, here; what stands at the top level is in ``schema``. The marks are explained in ``marks``. Each
section checks what concerns it alone.
"""

from __future__ import annotations

import itertools
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from ppo_cli.config.choices import INITIAL
from ppo_cli.config.marks import (
    PER_MEMBER,
    Grid,
    HiddenSize,
    Int,
    Name,
    ShapingMode,
    TermsReference,
    Weight,
    as_tuple,
)

MAX_WEIGHTS = 4_194_304
"""The most weights between the hidden layers. A checkpoint holds 24 bytes for each (actor and critic, each
with Adam's two moments), and has to stay below the size that is read back."""


def disagreement(key: str, problem: str, hint: str, *others: str) -> PydanticCustomError:
    """An error that concerns several settings; ``key`` is the one to show, ``others`` may be to blame too."""
    context = {"problem": problem, "hint": hint, "key": key, "others": others}
    return PydanticCustomError("settings_disagree", "{problem}", context)


class Section(BaseModel):
    """What all sections share: exact types, no unknown names, no NaN or infinity, no change once made."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        defer_build=True,  # a command that only lists settings does not wait 25 ms for validators
    )


class Rollout(Section):
    """How much experience is collected before each update."""

    num_envs: Annotated[Int, Field(ge=1, le=65536), Grid(4, 8, 16, 32, 64)] = 8
    """Environments that one run steps side by side."""
    num_steps: Annotated[Int, Field(ge=1, le=1_000_000), Grid(32, 64, 128, 256, 512)] = 128
    """Steps taken in each environment between two updates."""


class Learning(Section):
    """The update. Which of these an algorithm uses, ``config.algorithms`` says; the others are refused."""

    num_epochs: Annotated[Int, Field(ge=1, le=1000), Grid(1, 4, 8, 16)] = 4
    """Passes over the collected steps in each update."""
    num_minibatches: Annotated[Int, Field(ge=1, le=65536), Grid(1, 2, 4, 8)] = 4
    """Equal parts into which each pass is cut; one gradient step each. Must divide num_envs * num_steps."""
    learning_rate: Annotated[float, Field(ge=1e-12, le=1e3), PER_MEMBER, Grid(1e-4, 3e-4, 1e-3, 3e-3)] = (
        2.5e-4
    )
    """Adam's step size."""
    critic_learning_rate: Annotated[
        Annotated[float, Field(ge=1e-12, le=1e3)] | None, PER_MEMBER, Grid(None, 3e-4, 1e-3, 3e-3)
    ] = None
    """Adam's step size for the value network; null takes learning_rate for both networks."""
    anneal_lr: Annotated[bool, PER_MEMBER, Grid(False, True)] = True
    """Let the learning rate fall in a straight line to 0 at the end of training."""
    gamma: Annotated[float, Field(ge=0, le=1), PER_MEMBER, Grid(0.95, 0.98, 0.99, 0.995, 0.999)] = 0.99
    """Discount of future rewards, per step."""
    gae_lambda: Annotated[float, Field(ge=0, le=1), PER_MEMBER, Grid(0.8, 0.9, 0.95, 0.98, 1.0)] = 0.95
    """Generalised advantage estimation: 0 trusts the value network, 1 the sampled returns."""
    eps_clip: Annotated[float, Field(gt=0, le=100), PER_MEMBER, Grid(0.1, 0.2, 0.3, 0.4)] = 0.2
    """Clip range: how far the new policy's probability ratio may move away from 1 with profit."""
    anneal_eps_clip: Annotated[bool, PER_MEMBER, Grid(False, True)] = False
    """Let the clip range fall in a straight line to 0 at the end of training."""
    eps_clip_vf: Annotated[
        Annotated[float, Field(gt=0, le=1e6)] | None, PER_MEMBER, Grid(None, 0.1, 0.2, 0.5)
    ] = None
    """Clip range of the value network's change, in units of return; null switches it off."""
    ent_coef: Annotated[float, Field(ge=-100, le=100), PER_MEMBER, Grid(0.0, 0.001, 0.01, 0.05)] = 0.0
    """Weight of the entropy bonus, which keeps the policy exploring."""
    vf_coef: Annotated[float, Field(ge=0, le=1000), PER_MEMBER, Grid(0.25, 0.5, 1.0)] = 0.5
    """Weight of the value loss."""
    max_grad_norm: Annotated[float, Field(gt=0, le=1e6), PER_MEMBER, Grid(0.1, 0.5, 1.0, 5.0)] = 0.5
    """The gradient of one member is scaled down to this norm when it is longer."""
    target_kl: Annotated[
        Annotated[float, Field(gt=0, le=1000)] | None, PER_MEMBER, Grid(None, 0.01, 0.02, 0.05)
    ] = None
    """Stop an update early when the policy has moved this far (approximate KL); null never stops."""
    kl_coef: Annotated[float, Field(ge=0, le=1e6), PER_MEMBER, Grid(0.0, 0.01, 0.1, 1.0)] = 0.1
    """Weight of the KL penalty in the loss: to the policy before (ppo-kl) or to the reference (grpo)."""
    kl_target: Annotated[
        Annotated[float, Field(gt=0, le=1000)] | None, PER_MEMBER, Grid(None, 0.003, 0.01, 0.03)
    ] = 0.01
    """ppo-kl halves or doubles kl_coef to move the policy about this far per iteration; null keeps it."""
    returns: Annotated[Literal["trajectory", "to-go"], Grid("trajectory", "to-go")] = "to-go"
    """What reinforce weighs an action by: the return of its whole episode, or the part from there on."""
    baseline: Annotated[Literal["none", "value"], Grid("none", "value")] = "value"
    """What reinforce subtracts from the return: the value network's estimate, or nothing of its own."""
    group_size: Annotated[Int, Field(ge=2, le=65536), Grid(4, 8, 16, 32)] = 8
    """Episodes that grpo plays from one start state and compares. Must divide num_envs."""
    clip_higher: Annotated[
        Annotated[float, Field(gt=0, le=100)] | None, PER_MEMBER, Grid(None, 0.28, 0.4)
    ] = None
    """grpo's clip range upwards, where it is to be wider than eps_clip (DAPO); null takes eps_clip."""
    divide_by_std: Annotated[bool, PER_MEMBER, Grid(False, True)] = True
    """Let grpo divide by the standard deviation of a group's returns (Dr. GRPO does not)."""
    dynamic_sampling: Annotated[bool, PER_MEMBER, Grid(False, True)] = True
    """Let grpo leave out groups whose returns are all equal (DAPO); they teach nothing."""
    loss_mean: Annotated[Literal["steps", "episodes"], Grid("steps", "episodes")] = "steps"
    """What grpo's loss is a mean over: every step counts the same (DAPO), or every episode."""
    normalize_advantages: Annotated[bool, PER_MEMBER, Grid(False, True)] = True
    """Scale the advantages of each minibatch to mean 0 and standard deviation 1."""
    reward_scale: Annotated[float, Field(gt=0, le=1e6), PER_MEMBER, Grid(0.01, 0.1, 1.0)] = 1.0
    """Factor on the rewards that the learner sees; logged returns are not scaled."""
    reward_model: Annotated[Annotated[str, Field(min_length=1, max_length=1000)] | None, PER_MEMBER] = None
    """Learn from this preference set's newest fit (or a fit's path); constant and random are nulls."""
    reference: Annotated[str, Field(min_length=1, max_length=1000)] = INITIAL
    """The policy to stay near, by reference_coef or grpo's kl_coef: a run, or "initial", the first one."""
    reference_coef: Annotated[float, Field(ge=0, le=1e6), PER_MEMBER, Grid(0.0, 0.03, 0.1, 0.3)] = 0.0
    """Taken off each step's reward: this times log(policy / reference) of its action."""
    reference_kl: Annotated[
        Annotated[float, Field(gt=0, le=1000)] | None, PER_MEMBER, Grid(None, 0.03, 0.1, 0.3)
    ] = None
    """Halve or double reference_coef to bring the KL to the reference per step near this; null keeps it."""


NOT_BETA = ("squash", "log_std_init")
"""Settings that belong to Gaussian policies alone."""


class Network(Section):
    """The policy and value networks; both have this shape."""

    hidden_sizes: Annotated[
        tuple[HiddenSize, ...],
        BeforeValidator(as_tuple),
        Field(min_length=1, max_length=8),
        Grid((32, 32), (64, 64), (128, 128), (256, 256)),
    ] = (64, 64)
    """Units of each hidden layer."""
    activation: Annotated[Literal["relu", "tanh"], Grid("relu", "tanh")] = "relu"
    """Nonlinearity after each hidden layer."""
    policy: Annotated[Literal["gaussian", "beta"], Grid("gaussian", "beta")] = "gaussian"
    """Distribution of continuous actions; beta needs bounds and puts no probability outside them."""
    squash: Annotated[bool, Grid(False, True)] = False
    """Bend Gaussian actions into the bounds by a hyperbolic tangent instead of cutting them off there."""
    log_std_init: Annotated[float, Field(ge=-20, le=5), PER_MEMBER, Grid(-2.0, -1.0, -0.5, 0.0)] = 0.0
    """Logarithm of the noise of Gaussian actions at the start."""

    @model_validator(mode="after")
    def _checkpoint_can_be_read_back(self) -> Network:
        weights = sum(n_in * n_out for n_in, n_out in itertools.pairwise(self.hidden_sizes))
        if weights > MAX_WEIGHTS:
            raise disagreement(
                "network.hidden_sizes",
                f"{', '.join(map(str, self.hidden_sizes))} makes {weights:,} weights between hidden layers, "
                f"more than {MAX_WEIGHTS:,}",
                "use smaller layers or fewer of them",
            )
        return self

    @model_validator(mode="after")
    def _beta_has_no_noise_of_its_own(self) -> Network:
        for name in NOT_BETA if self.policy == "beta" else ():
            if getattr(self, name) != type(self).model_fields[name].default:
                text = f"{name} is not used by the beta policy, which is bounded and has its own shape"
                raise disagreement(
                    f"network.{name}", text, "leave it out; gaussian uses it", "network.policy"
                )
        return self


class Normalization(Section):
    """Running normalisation of observations."""

    normalize_obs: Annotated[bool, Grid(False, True)] = False
    """Scale observations by their running mean and deviation, which travel with the policy."""
    clip_obs: Annotated[float, Field(gt=0, le=1e6), PER_MEMBER, Grid(5.0, 10.0)] = 10.0
    """Normalised observations are cut off at plus and minus this."""


class RewardShaping(Section):
    """Extra reward terms. Evaluation always uses the environment's own reward."""

    mode: Annotated[ShapingMode, Grid("off", "add", "potential")] = "off"
    """log records the terms only, add adds them, replace replaces; potential keeps the optimal policy."""
    scale: Annotated[Weight, PER_MEMBER, Grid(0.1, 1.0, 10.0)] = 1.0
    """Factor on the weighted sum of the terms."""
    terms: TermsReference | None = None
    """Terms of your own, as "module:function"; null uses those shipped for the environment."""
    distance: Annotated[Weight, PER_MEMBER, Grid(0.0, 50.0, 100.0, 200.0)] = 0.0
    """Weight of minus the lander's distance from the pad."""
    velocity: Annotated[Weight, PER_MEMBER, Grid(0.0, 50.0, 100.0, 200.0)] = 0.0
    """Weight of minus the lander's speed."""
    angle: Annotated[Weight, PER_MEMBER, Grid(0.0, 50.0, 100.0, 200.0)] = 0.0
    """Weight of minus the lander's tilt."""
    legs: Annotated[Weight, PER_MEMBER, Grid(0.0, 5.0, 10.0, 20.0)] = 0.0
    """Weight of the number of legs that touch the ground."""
    main_engine: Annotated[Weight, PER_MEMBER, Grid(-0.6, -0.3, 0.0)] = 0.0
    """Weight of 1 when the main engine fires; negative makes it a cost."""
    side_engine: Annotated[Weight, PER_MEMBER, Grid(-0.06, -0.03, 0.0)] = 0.0
    """Weight of 1 when a side engine fires; negative makes it a cost."""
    position: Annotated[Weight, PER_MEMBER, Grid(0.0, 0.1, 1.0)] = 0.0
    """Weight of minus the cart's distance from the middle."""
    pole_angle: Annotated[Weight, PER_MEMBER, Grid(0.0, 0.1, 1.0)] = 0.0
    """Weight of minus the pole's tilt."""
    height: Annotated[Weight, PER_MEMBER, Grid(0.0, 1.0, 10.0)] = 0.0
    """Weight of the height of the pendulum's tip or of the car."""
    energy: Annotated[Weight, PER_MEMBER, Grid(0.0, 1.0, 10.0, 100.0)] = 0.0
    """Weight of the car's mechanical energy, potential and kinetic."""
    speed: Annotated[Weight, PER_MEMBER, Grid(0.0, 1.0, 10.0, 100.0)] = 0.0
    """Weight of the speed of the pendulum or the car."""
    effort: Annotated[Weight, PER_MEMBER, Grid(-0.1, -0.01, 0.0)] = 0.0
    """Weight of the force that the action uses; negative makes it a cost."""
    custom: Annotated[dict[Name, Weight], Field(max_length=32), PER_MEMBER] = Field(default_factory=dict)
    """Weights of your own terms, by name."""

    @model_validator(mode="after")
    def _custom_names_are_new(self) -> RewardShaping:
        for name in self.custom:
            if name in SHAPING_TERMS:
                key = f"reward_shaping.custom.{name}"
                hint = f"set reward_shaping.{name}"
                raise disagreement(key, f"{name} is a setting of its own", hint, "reward_shaping.custom")
        return self

    @property
    def pays(self) -> bool:
        """Whether the mode is one that changes rewards."""
        return self.mode not in ("off", "log")

    def weights(self) -> dict[str, float]:
        """The weights that are not 0, shipped and custom terms together, by the term's name."""
        shipped = {name: getattr(self, name) for name in SHAPING_TERMS}
        return {name: weight for name, weight in {**shipped, **self.custom}.items() if weight != 0.0}


SHAPING_TERMS: tuple[str, ...] = tuple(
    name for name in RewardShaping.model_fields if name not in ("mode", "scale", "terms", "custom")
)
"""The names of all shipped terms; each environment has some of them."""


class Evaluation(Section):
    """When and how long the policy is evaluated, on fresh seeds and the environment's own reward."""

    num_evals: Annotated[Int, Field(ge=0, le=100_000)] = 10
    """Evaluations during training, evenly spaced, the last one at the end; 0 for none."""
    eval_episodes: Annotated[Int, Field(ge=1, le=100_000)] = 20
    """Episodes of each evaluation during training."""
    final_eval_episodes: Annotated[Int, Field(ge=0, le=100_000)] = 100
    """Episodes of the evaluation after training; 0 for none."""


class Output(Section):
    """What is written besides the files that every run folder has."""

    tensorboard: bool = False
    """Also write TensorBoard event files."""
    keep_policies: Annotated[Int, Field(ge=0, le=1000)] = 0
    """Policies kept over training, evenly from the untrained one to the last as planned; 0 for none."""


class Compute(Section):
    """How the machine is used. Results depend on the engine in the last digits, on the rest not at all."""

    engine: Literal["auto", "compiled", "torch"] = "auto"
    """What computes: compiled kernels, or torch, which defines what is right; auto prefers kernels."""
    num_threads: Annotated[Int, Field(ge=1, le=1024)] = 1
    """Threads for the arithmetic; small networks are fastest with 1."""
    env_workers: Annotated[Int, Field(ge=0, le=256)] | None = None
    """Processes that step slow environments beside the trainer; null: one per further core."""
