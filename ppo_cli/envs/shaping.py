"""Reward shaping: one pure function, :func:`shape_rewards`, behind a Gymnasium wrapper and its vector twin.

Modes: ``off``; ``log`` changes nothing and records the terms; ``add`` adds their weighted sum to the reward;
``replace`` puts it in the reward's place; ``potential`` adds γΦ(next s) − Φ(s), Φ being the weighted sum of
the state terms, which leaves the optimal policy as it was (Ng, Harada and Russell 1999, "Policy
invariance under reward transformations").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from ppo_cli.envs.factory import spec_of
from ppo_cli.envs.terms import TermSet
from ppo_cli.envs.user_terms import term_set
from ppo_cli.errors import UsageError
from ppo_cli.spaces import EnvSpec

if TYPE_CHECKING:
    from ppo_cli.kernels.playing import Steps

Array = NDArray[Any]
Mode = Literal["off", "log", "add", "replace", "potential"]


@dataclass(frozen=True)
class ShapingParams:
    """Settings of one member's reward shaping.

    Attributes:
        mode: See the module's description; the same for all members of a population.
        scale: Factor of what shaping adds.
        weights: Weight of each term; a term that is not named weighs 0.
        gamma: The member's discount, for ``potential``.
        terms: ``module:function`` with terms of the user's own, or None; the same for all members.
    """

    mode: Mode = "off"
    scale: float = 1.0
    weights: Mapping[str, float] = field(default_factory=dict)
    gamma: float = 0.99
    terms: str | None = None


def weighted_sum(terms: Array, weights: Array) -> Array:
    """Compute Σₖ wₖ·tₖ over the first axis, term by term, so that the bits do not depend on the other axes.

    Args:
        terms: [K, ...].
        weights: [K, ...], broadcast against ``terms``.
    """
    total: Array = np.zeros(terms.shape[1:])
    for weight, term in zip(weights, terms, strict=True):
        total = total + weight * term
    return total


def shape_rewards(
    mode: Mode,
    env_rewards: Array,  # [...]
    terms: Array,  # [K, ...]
    weights: Array,  # [K, ...]
    scale: Array,  # [...]
    gamma: Array,  # [...]
    potential: Array,  # [...]  of the state before the step
    next_potential: Array,  # [...]  of the state after it
    terminated: Array,  # [...]
) -> Array:
    """Compute the rewards that the learner sees, [...]. Φ of a terminated state is 0.

    add: r + scale·Σwₖtₖ      replace: scale·Σwₖtₖ      potential: r + scale·(γΦ(next s) − Φ(s))
    """
    if mode in ("off", "log"):
        return env_rewards
    if mode == "potential":
        gain: Array = gamma * np.where(terminated, 0.0, next_potential) - potential
    else:
        gain = weighted_sum(terms, weights)
    bonus: Array = scale * gain
    return bonus if mode == "replace" else env_rewards + bonus


class RewardShaper:
    """Shapes the rewards of R environments by their members' parameters; remembers Φ of the current states.

    Args:
        terms: The environment's terms.
        params: The members' parameters, length M.
        num_envs: N; R = M * N.

    Attributes:
        mode: See :class:`ShapingParams`.
        term_names: The terms that are recorded, K; none when shaping is off.
        ships: Whether ``ppo`` ships the terms, so that :meth:`played` may be called.
    """

    def __init__(self, terms: TermSet, params: Sequence[ShapingParams], num_envs: int = 1) -> None:
        self.mode: Mode = params[0].mode
        self.term_names = () if self.mode == "off" else terms.names
        self.ships = params[0].terms is None
        self._terms = terms
        weights = [[float(p.weights.get(name, 0.0)) for name in terms.names] for p in params]
        self._weights = (
            np.array(weights, dtype=np.float64).reshape(len(params), -1).repeat(num_envs, axis=0).T.copy()
        )
        self._scale = np.array([p.scale for p in params], dtype=np.float64).repeat(num_envs)
        self._gamma = np.array([p.gamma for p in params], dtype=np.float64).repeat(num_envs)
        self._potential = np.zeros(len(params) * num_envs)

    @classmethod
    def for_env(cls, spec: EnvSpec, params: Sequence[ShapingParams], num_envs: int = 1) -> RewardShaper:
        """Make the shaper of an environment.

        Raises:
            UsageError: A weight of a term that the environment lacks, or that the mode cannot use.
        """
        first = params[0]
        if any((p.mode, p.terms) != (first.mode, first.terms) for p in params):
            raise ValueError("reward_shaping.mode and reward_shaping.terms are the same for all members")
        terms = term_set(spec, first.terms)
        for p in params:
            check_params(spec.env_id, terms, p)
        return cls(terms, params, num_envs)

    def reset(self, obs: Array) -> None:
        """Begin new episodes in all R environments, at ``obs`` [R, O]."""
        if self.mode == "potential":
            self._potential = self._phi(self._terms.state_terms(obs))

    def step(
        self, obs: Array, actions: Array, next_obs: Array, env_rewards: Array, terminated: Array
    ) -> tuple[Array, Array | None]:
        """Shape one step of all R environments.

        Args:
            obs: Before the step, [R, O].
            actions: As sent, [R] or [R, A].
            next_obs: After it, [R, O]; of an environment that was reset, its first observation.
            env_rewards: The environment's rewards, float64 [R].
            terminated: bool [R].

        Returns:
            The shaped rewards [R] and the terms [K, R] (None when shaping is off); both mean nothing where an
            environment was not stepped.
        """
        if self.mode == "off":
            return env_rewards, None
        state = self._terms.state_terms(next_obs)
        terms = np.concatenate((state, self._terms.transition_terms(obs, actions, next_obs)))
        potential = self._potential
        next_potential = self._phi(state) if self.mode == "potential" else potential
        self._potential = next_potential
        shaped = shape_rewards(
            self.mode,
            env_rewards,
            terms,
            self._weights,
            self._scale,
            self._gamma,
            potential,
            next_potential,
            terminated,
        )
        return shaped, terms

    def played(self, steps: Steps, *, cut_is_end: bool) -> tuple[Array, Array]:
        """Shape T steps that were played in one go, to the bits of T calls of :meth:`step`.

        Only for terms that ``ppo`` ships: those of a user know single steps.

        Args:
            steps: With exact rewards.
            cut_is_end: Whether the learner takes a time limit for an end.

        Returns:
            The shaped rewards, float64 ``[M, T, N]``, 0 where not stepped, and the terms ``[K, M, T, N]``.
        """
        assert steps.exact_rewards is not None
        num_members, num_steps, num_envs = steps.exact_rewards.shape

        def by_step(values: Array) -> Array:  # [..., R] -> [..., M, 1, N]
            return values.reshape(*values.shape[:-1], num_members, 1, num_envs)

        obs, next_obs = steps.raw_obs[:, :-1], steps.raw_obs[:, 1:]
        state = self._terms.state_terms(steps.raw_obs)
        transition = self._terms.transition_terms(obs, steps.sent, next_obs)
        terms, weights = np.concatenate((state[:, :, 1:], transition)), by_step(self._weights)
        potentials = np.zeros((num_members, num_steps + 1, num_envs))
        if self.mode == "potential":
            potentials = weighted_sum(state, weights[: len(state)])
        self._potential = potentials[:, -1].reshape(-1)
        rewards = shape_rewards(
            self.mode,
            steps.exact_rewards,
            terms,
            weights,
            by_step(self._scale),
            by_step(self._gamma),
            potentials[:, :-1],
            potentials[:, 1:],
            steps.terminated | steps.truncated if cut_is_end else steps.terminated,
        )
        return np.where(steps.mask, rewards, 0.0), terms

    def keep(self, rows: Array) -> None:
        """Keep only the environments ``rows`` (indices)."""
        self._weights = self._weights[:, rows]
        self._scale, self._gamma = self._scale[rows], self._gamma[rows]
        self._potential = self._potential[rows]

    def _phi(self, state_terms: Array) -> Array:
        """Compute the potential Φ [R] from the state terms [K, R]."""
        return weighted_sum(state_terms, self._weights[: len(state_terms)])


class RewardShaping(gym.Wrapper[Any, Any, Any, Any]):
    """Shapes the rewards of one environment, by the same functions as training does.

    Each step's ``info["reward_components"]`` holds every term, ``env_reward`` and ``shaped``.

    >>> import gymnasium as gym
    >>> env = RewardShaping(gym.make("CartPole-v1"), ShapingParams("add", weights={"position": 1.0}))
    >>> _ = env.reset(seed=1)
    >>> sorted(env.step(0)[4]["reward_components"])
    ['env_reward', 'pole_angle', 'position', 'shaped']

    Args:
        env: An environment with a flat observation.
        params: How to shape.
        env_id: The environment whose terms to use; by default the id with which ``env`` was made.

    Raises:
        UsageError: As :meth:`RewardShaper.for_env`.
    """

    def __init__(self, env: gym.Env[Any, Any], params: ShapingParams, env_id: str | None = None) -> None:
        super().__init__(env)
        spec = spec_of(env_id or (env.spec.id if env.spec is not None else ""), env)
        self._shaper = RewardShaper.for_env(spec, [params])
        self._discrete_start = int(getattr(env.action_space, "start", 0))
        self._obs: Array = np.zeros(spec.obs_size)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Reset the environment, and with it the potential."""
        obs, info = self.env.reset(seed=seed, options=options)
        self._obs = np.asarray(obs, dtype=np.float32)
        self._shaper.reset(self._obs[None])
        return obs, info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Step the environment; the reward is the shaped one."""
        obs, reward, terminated, truncated, info = self.env.step(action)
        next_obs = np.asarray(obs, dtype=np.float32)
        shaped, terms = self._shaper.step(
            self._obs[None],
            np.asarray(action)[None] - self._discrete_start,
            next_obs[None],
            np.array([reward], dtype=np.float64),
            np.array([terminated]),
        )
        self._obs = next_obs
        values = (
            {} if terms is None else dict(zip(self._shaper.term_names, terms[:, 0].tolist(), strict=True))
        )
        values |= {"env_reward": float(reward), "shaped": float(shaped[0])}
        return obs, float(shaped[0]), terminated, truncated, {**info, "reward_components": values}


def check_params(env_id: str, terms: TermSet, params: ShapingParams) -> None:
    """Refuse parameters that this environment or mode cannot use.

    Raises:
        UsageError: Unknown mode, no terms at all, or a weight without effect.
    """
    if params.mode not in get_args(Mode):
        raise UsageError(
            f"mode {params.mode!r}", hint=f"one of {', '.join(get_args(Mode))}", key="reward_shaping.mode"
        )
    if params.mode != "off" and not terms.names:
        raise UsageError(
            f"ppo ships no shaping terms for {env_id}",
            hint="give your own with reward_shaping.terms=module:function",
            key="reward_shaping.mode",
        )
    weighted = [name for name, weight in params.weights.items() if weight != 0]
    for name in weighted:
        if name not in terms.names:
            raise UsageError(
                f"{env_id} has no shaping term {name!r}",
                hint=f"its terms: {', '.join(terms.names) or 'none'}",
                key=f"reward_shaping.{name}",
            )
        if params.mode == "potential" and name not in terms.state_names:
            raise UsageError(
                f"{name!r} depends on the action, so it cannot be part of a potential",
                hint=f"terms of the state: {', '.join(terms.state_names) or 'none'}",
                key=f"reward_shaping.{name}",
            )
