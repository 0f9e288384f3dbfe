"""PPO on one page: CartPole, PyTorch, automatic differentiation, and nothing hidden.

    python docs/ppo_in_one_page.py [SEED]

Proximal Policy Optimization (Schulman et al. 2017) in the order in which one would explain it: two networks,
play, judge, the loss, the update, the loop. Shapes: T = num_steps, N = num_envs, B = steps in a minibatch.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Categorical


@dataclass(frozen=True)
class Settings:
    """The names are those of `ppo config`. These values solve CartPole in seconds."""

    total_timesteps: int = 100_000
    num_envs: int = 8  # copies of the environment, played side by side
    num_steps: int = 128  # steps in each of them between two updates
    num_epochs: int = 10  # passes of an update over the T * N steps
    num_minibatches: int = 4  # parts of a pass; one gradient step each
    learning_rate: float = 1e-3  # falls to 0 in a straight line
    max_grad_norm: float = 0.5
    gamma: float = 0.99  # discount of future rewards, per step
    gae_lambda: float = 0.95  # 0 trusts the critic, 1 what was played
    eps_clip: float = 0.2  # how far the ratio may move away from 1 with profit
    ent_coef: float = 0.0  # weight of the entropy bonus
    vf_coef: float = 0.5  # weight of the critic's loss


class Agent(nn.Module):
    """1. Two networks: the actor gives the logits of pi(a|s), the critic V(s), the return to be expected.

    The actor's last weights are small: in the beginning all actions are about equally likely.
    """

    def __init__(self, obs_size: int, num_actions: int) -> None:
        super().__init__()
        self.actor = network(obs_size, num_actions, last_gain=0.01)
        self.critic = network(obs_size, 1, last_gain=1.0)

    def policy(self, obs: Tensor) -> Categorical:
        """Pi(.|s), a distribution over the actions."""
        return Categorical(logits=self.actor(obs))

    def value(self, obs: Tensor) -> Tensor:
        """V(s)."""
        return self.critic(obs).squeeze(-1)


def network(num_inputs: int, num_outputs: int, last_gain: float, hidden: int = 64) -> nn.Sequential:
    """Two hidden layers with orthogonal weights."""
    layers = nn.Linear(num_inputs, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, num_outputs)
    for layer, gain in zip(layers, (2**0.5, 2**0.5, last_gain), strict=True):
        nn.init.orthogonal_(layer.weight, gain)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])


class Rollout(NamedTuple):
    """T steps in N environments."""

    obs: Tensor  # [T + 1, N, 4]: the last one is what follows the last step
    actions: Tensor  # [T, N], like all that follow
    log_probs: Tensor  # log pi(a|s) of the policy that played
    rewards: Tensor
    terminated: Tensor  # the episode ended with this step: nothing comes after it
    truncated: Tensor  # the time limit cut it: it would have gone on
    real: Tensor  # False for the step after an end: there Gymnasium resets and takes no action


@torch.no_grad()
def collect(agent: Agent, envs: gym.vector.VectorEnv, obs: Tensor, over: Tensor, num_steps: int) -> Rollout:
    """2. Play, with actions drawn from the policy.

    Beside each action stands its log-probability as it is now. The update asks how it has changed since.
    """
    seen, steps = [obs], []
    for _ in range(num_steps):
        policy = agent.policy(obs)
        actions = policy.sample()
        obs, rewards, terminated, truncated = map(torch.from_numpy, envs.step(actions.numpy())[:4])
        seen.append(obs)
        steps.append((actions, policy.log_prob(actions), rewards.float(), terminated, truncated, ~over))
        over = terminated | truncated
    return Rollout(torch.stack(seen), *map(torch.stack, zip(*steps, strict=True)))


def gae(rollout: Rollout, values: Tensor, gamma: float, gae_lambda: float) -> Tensor:
    """3. Judge: how much better was an action than the critic expected? ``values`` are V(s), [T + 1, N].

        delta_t = r_t + gamma V(s_{t+1}) - V(s_t)        the critic's surprise at one step
        A_t     = delta_t + gamma lambda A_{t+1}         this surprise, and later ones, which fade

    V(s_{t+1}) is 0 where the episode terminated, but not where it was truncated. The sum ends with either.
    (Generalised advantage estimation: Schulman et al. 2016, eq. 16.)
    """
    deltas = rollout.rewards + gamma * values[1:] * ~rollout.terminated - values[:-1]
    fades = gamma * gae_lambda * ~(rollout.terminated | rollout.truncated)
    advantages = torch.zeros_like(deltas)
    later = torch.zeros_like(deltas[0])
    for t in reversed(range(len(deltas))):
        advantages[t] = later = deltas[t] + fades[t] * later
    return advantages


class Batch(NamedTuple):
    """Steps to learn from, [B, ...] each."""

    obs: Tensor
    actions: Tensor
    log_probs: Tensor
    advantages: Tensor
    returns: Tensor  # what the critic should have said: A + V


def ppo_loss(agent: Agent, batch: Batch, cfg: Settings) -> Tensor:
    """4. The loss, with ratio = pi(a|s) / pi_old(a|s), which is 1 before the first gradient step.

        L = -mean min(ratio A, clip(ratio, 1 - eps, 1 + eps) A) - ent_coef mean H + vf_coef mean (V - R)^2 / 2

    The plain policy gradient raises ratio * A without end. Here the smaller one of that and its clipped twin
    counts: moving further than eps_clip pays nothing, its gradient is 0. (Schulman et al. 2017, eq. 7 and 9.)
    """
    policy = agent.policy(batch.obs)
    ratio = (policy.log_prob(batch.actions) - batch.log_probs).exp()
    advantages = (batch.advantages - batch.advantages.mean()) / (batch.advantages.std(correction=0) + 1e-8)
    clipped = ratio.clamp(1 - cfg.eps_clip, 1 + cfg.eps_clip)
    pg_loss = -torch.min(ratio * advantages, clipped * advantages).mean()
    entropy = policy.entropy().mean()
    v_loss = 0.5 * (agent.value(batch.obs) - batch.returns).square().mean()
    return pg_loss - cfg.ent_coef * entropy + cfg.vf_coef * v_loss


def update(
    agent: Agent, optimizer: torch.optim.Optimizer, batch: Batch, minibatches: Iterable[Tensor], cfg: Settings
) -> None:
    """5. The update: one step of Adam for each minibatch. A gradient that is too long is shortened.

    After the first step the policy is no longer the one that played. The ratio accounts for that.
    """
    for rows in minibatches:
        optimizer.zero_grad()
        ppo_loss(agent, Batch(*(column[rows] for column in batch)), cfg).backward()
        nn.utils.clip_grad_norm_(agent.parameters(), cfg.max_grad_norm)
        optimizer.step()


def shuffled(batch_size: int, cfg: Settings) -> Iterator[Tensor]:
    """The rows of each minibatch: every epoch goes over the whole batch, in an order of its own."""
    for _ in range(cfg.num_epochs):
        yield from torch.randperm(batch_size).chunk(cfg.num_minibatches)


def train(seed: int, cfg: Settings) -> Agent:
    """6. The loop: play, judge, improve."""
    torch.manual_seed(seed)
    envs = gym.make_vec("CartPole-v1", cfg.num_envs, vectorization_mode="sync")
    agent = Agent(obs_size=4, num_actions=2)
    optimizer = torch.optim.Adam(agent.parameters(), eps=1e-5)
    start_seeds = np.random.SeedSequence(seed).generate_state(cfg.num_envs).tolist()
    obs, over = torch.from_numpy(envs.reset(seed=start_seeds)[0]), torch.zeros(cfg.num_envs).bool()
    num_iterations = cfg.total_timesteps // (cfg.num_envs * cfg.num_steps)
    for iteration in range(num_iterations):
        optimizer.param_groups[0]["lr"] = cfg.learning_rate * (1 - iteration / num_iterations)
        rollout = collect(agent, envs, obs, over, cfg.num_steps)
        obs, over = rollout.obs[-1], rollout.terminated[-1] | rollout.truncated[-1]
        with torch.no_grad():
            values = agent.value(rollout.obs)
        advantages = gae(rollout, values, cfg.gamma, cfg.gae_lambda)
        batch = Batch(
            rollout.obs[:-1], rollout.actions, rollout.log_probs, advantages, advantages + values[:-1]
        )
        batch = Batch(*(column[rollout.real] for column in batch))
        update(agent, optimizer, batch, shuffled(len(batch.obs), cfg), cfg)
        if iteration % 10 == 9:
            steps = (iteration + 1) * cfg.num_envs * cfg.num_steps
            print(f"{steps:7,} steps: mean return of 5 fresh episodes {fmean(evaluate(agent, 5, seed)):.0f}")
    return agent


@torch.no_grad()
def evaluate(agent: Agent, episodes: int, seed: int) -> list[float]:
    """7. The exam: episodes that training never saw, the most likely action in each step; their returns."""
    env, returns = gym.make("CartPole-v1"), []
    for episode_seed in np.random.SeedSequence((seed, 1)).generate_state(episodes).tolist():
        obs, _ = env.reset(seed=episode_seed)
        over, episode_return = False, 0.0
        while not over:
            action = agent.actor(torch.from_numpy(obs)).argmax()
            obs, reward, terminated, truncated, _ = env.step(action.item())
            over, episode_return = terminated or truncated, episode_return + float(reward)
        returns.append(episode_return)
    return returns


if __name__ == "__main__":
    torch.set_num_threads(1)
    own_seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    last = evaluate(train(own_seed, Settings()), 20, own_seed)
    print(f"the last policy: mean return of 20 fresh episodes {fmean(last):.1f}, the worst {min(last):.0f}")
