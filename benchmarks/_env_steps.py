"""One measurement of environment steps alone; prints one JSON document.

``python benchmarks/_env_steps.py gymnasium|vector|envpool|ppo --envs 32 --seconds 5``. EnvPool runs in an
environment of its own, see ``_peers.py``, so nothing here is imported before it is needed.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

ENV_ID = "CartPole-v1"
BLOCK = 256  # steps between two looks at the clock


def gymnasium_alone(num_envs: int) -> Callable[[int], None]:
    """Environments of ``gymnasium.make``, one after the other."""
    import gymnasium as gym
    import numpy as np

    envs = [gym.make(ENV_ID) for _ in range(num_envs)]
    for index, env in enumerate(envs):
        env.reset(seed=index)
    actions = np.random.default_rng(1).integers(0, 2, (BLOCK, num_envs)).tolist()

    def step(t: int) -> None:
        for env, action in zip(envs, actions[t], strict=True):
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()

    return step


def gymnasium_vector(num_envs: int) -> Callable[[int], None]:
    """Gymnasium's own vectorised CartPole."""
    import gymnasium as gym
    import numpy as np

    envs = gym.make_vec(ENV_ID, num_envs, vectorization_mode="vector_entry_point")
    envs.reset(seed=1)
    actions = np.random.default_rng(1).integers(0, 2, (BLOCK, num_envs))
    return lambda t: envs.step(actions[t]) and None


def envpool_steps(num_envs: int) -> Callable[[int], None]:
    """EnvPool's CartPole, on one thread."""
    import envpool
    import numpy as np

    envs = envpool.make_gymnasium(ENV_ID, num_envs=num_envs, num_threads=1, seed=1)
    envs.reset()
    actions = np.random.default_rng(1).integers(0, 2, (BLOCK, num_envs))
    return lambda t: envs.step(actions[t]) and None


def ppo_steps(num_envs: int) -> Callable[[int], None]:
    """The compiled CartPole of ``ppo``, with its records of episodes and its log for an exact resume."""
    import numpy as np

    from ppo_cli.envs.member_envs import make_member_envs

    envs = make_member_envs(ENV_ID, {}, num_envs, [1], compiled=True)
    assert envs.can_play, "there are no kernels here"
    envs.reset()
    actions = np.random.default_rng(1).integers(0, 2, (BLOCK, 1, num_envs))

    def step(t: int) -> None:
        envs.step(actions[t])
        if t == 0:
            envs.pop_episodes()

    return step


def ppo_played(num_envs: int) -> Callable[[int], None]:
    """The same in one go, and with actions that a policy of 64 and 64 units takes."""
    import torch

    from ppo_cli.config.resolve import with_values
    from ppo_cli.config.schema import RunConfig
    from ppo_cli.envs.from_settings import make_envs
    from ppo_cli.learn.build import initial_params, make_agent
    from ppo_cli.learn.population import Member
    from ppo_cli.learn.rollout import action_noise, collect_steps
    from ppo_cli.nn.compiled import CompiledActorCritic
    from ppo_cli.nn.normalize import ObsNormalizer

    config = with_values(RunConfig(env_id=ENV_ID), {"num_envs": num_envs, "engine": "compiled"})
    envs = make_envs([config])
    envs.reset()
    agent = make_agent(config, envs.spec)
    net = agent.net
    assert isinstance(net, CompiledActorCritic)
    params = initial_params([Member(config)], net)
    nothing, size = torch.zeros(1, 4, dtype=torch.float64), (BLOCK, num_envs, net.num_actions)
    normalizer = ObsNormalizer.make(False, nothing, nothing, torch.ones(1))

    def step(t: int) -> None:
        if t == 0:  # all steps of a block
            noise = action_noise(agent.distribution, [1], t, size, net.kernels)
            collect_steps(net, agent.distribution, params, envs, normalizer, noise)
            envs.pop_episodes()

    return step


PROGRAMS = {
    "gymnasium": gymnasium_alone,
    "vector": gymnasium_vector,
    "envpool": envpool_steps,
    "ppo": ppo_steps,
    "played": ppo_played,
}


def measure(program: str, num_envs: int, seconds: float) -> dict[str, Any]:
    """Steps of all environments together per second, by the wall's clock and by the processor's."""
    step = PROGRAMS[program](num_envs)
    for t in range(BLOCK):
        step(t)
    steps, wall, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - wall < seconds:
        for t in range(BLOCK):
            step(t)
        steps += BLOCK * num_envs
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"steps_per_second": steps / wall, "steps_per_cpu_second": steps / cpu}


def main() -> None:
    """Measure once and print the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("program", choices=list(PROGRAMS))
    parser.add_argument("--envs", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=5.0)
    args = parser.parse_args()
    print(json.dumps(measure(args.program, args.envs, args.seconds)))


if __name__ == "__main__":
    main()
