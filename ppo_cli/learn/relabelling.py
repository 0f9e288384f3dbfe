"""What the learner sees of rewards: a model's, or the environment's, less a price for leaving a reference.

    reward = reward_scale (r(s, a, s') - reference_coef (log pi(a|s) - log pi_ref(a|s)))

(Stiennon et al. 2020; Ouyang et al. 2022). The penalty is part of the reward, so every algorithm learns from
it, and its critic foresees it. No mean is subtracted: where episodes can end, the sign of rewards counts.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ppo_cli.learn.hyperparams import Hyperparams
from ppo_cli.learn.population_state import PopulationState
from ppo_cli.learn.rollout import Rollout
from ppo_cli.nn.masked import mask_weights, masked_mean

TOLERANCE = 1.5
SMALLEST, LARGEST = 1e-6, 1e6  # so that reference_coef finds its way back from either side


def relabelled(state: PopulationState, rollout: Rollout) -> tuple[Rollout, dict[str, Tensor]]:
    """Replace the rewards by those that the learner sees; also metrics of that, ``[M]`` by name.

    It is the same rollout where they stay as they are.
    """
    rewards, metrics = rollout.rewards, {}
    if state.rows.learned is not None:
        with state.timed("reward model"):
            sent = state.agent.net.sendable(state.agent.distribution, rollout.actions)
            rewards, metrics["rollout/disagreement"] = state.rows.learned.relabel(rollout, sent)
    if state.rows.reference is not None:
        hyper = state.hyper_now()
        log_ratio, kl = to_reference(state, rollout)
        rewards = rewards - hyper.reference_coef[:, None, None] * log_ratio.where(rollout.mask, 0.0)
        metrics["rollout/kl_reference"] = kl
        metrics["train/reference_coef"] = hyper.reference_coef
        state.learner.adapted["reference_coef"] = adapted_coef(kl, hyper)
    if state.rows.hyper.scales_rewards:
        rewards = rewards * state.rows.hyper.reward_scale[:, None, None]
    return rollout if rewards is rollout.rewards else replace(rollout, rewards=rewards), metrics


def to_reference(state: PopulationState, rollout: Rollout) -> tuple[Tensor, Tensor]:
    """Compute log(pi / pi_ref) of the actions taken, ``[M, T, N]``, and their mean exact KL, ``[M]``."""
    assert state.rows.reference is not None
    agent, shape = state.agent, rollout.mask.shape
    obs, raw_obs = (values[:, :-1].flatten(1, 2) for values in (rollout.obs, rollout.raw_obs))
    actions = rollout.actions.flatten(1, 2)
    reference = state.rows.reference.outputs(obs, raw_obs)
    own, _ = agent.net.forward(state.learner.agent.params, obs)
    ratio = agent.distribution.log_prob(own, actions) - agent.distribution.log_prob(reference, actions)
    weights = mask_weights(rollout.mask.flatten(1, 2).float())
    return ratio.view(shape), masked_mean(agent.distribution.kl(own, reference), weights)


def adapted_coef(
    kl: Tensor,  # [M], KL(pi || pi_ref) over the rollout
    hyper: Hyperparams,
) -> Tensor:  # [M]
    """Halve reference_coef where kl < reference_kl / 1.5, double it where kl > 1.5 reference_kl.

    It stays as it is where it is 0, and where there is no ``reference_kl``.
    """
    coef, wanted = hyper.reference_coef, hyper.reference_kl
    near, far = kl < wanted / TOLERANCE, kl > wanted * TOLERANCE
    changed = torch.where(far, coef * 2, torch.where(near, coef / 2, coef)).clamp(SMALLEST, LARGEST)
    return torch.where(wanted.isinf() | (coef == 0), coef, changed)
