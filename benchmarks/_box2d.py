"""What Box2D alone takes for a step of LunarLander's world; prints one JSON document.

A lander falls from its start for 80 steps, again and again, from other starts. The worlds are Gymnasium's;
timed is nothing but ``World.Step`` with the arguments that Gymnasium gives it. No program that plays
LunarLander through Box2D can be faster than that on one core.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import gymnasium as gym

FALL = 80  # steps; after them some landers touch the ground


def main() -> None:
    """Measure and print the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--episodes", type=int, default=200)
    args = parser.parse_args()
    env: Any = gym.make("LunarLander-v3").unwrapped
    wall = cpu = 0.0
    for seed in range(args.episodes):
        env.reset(seed=seed)
        world = env.world
        wall_before, cpu_before = time.perf_counter(), time.process_time()
        for _ in range(FALL):
            world.Step(1.0 / 50, 180, 60)
        wall += time.perf_counter() - wall_before
        cpu += time.process_time() - cpu_before
    steps = FALL * args.episodes
    print(json.dumps({"steps": steps, "seconds_per_step": wall / steps, "cpu_seconds_per_step": cpu / steps}))


if __name__ == "__main__":
    main()
