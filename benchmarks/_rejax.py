"""One measurement of rejax, whose training is one compiled program; prints one JSON document.

It runs in rejax's own environment, see ``_peers.py``: ``python benchmarks/_rejax.py --members 32 SETTINGS``
with the shared hyperparameters as JSON. One thread, and no evaluation.

The first call compiles, which is timed by itself. What is counted is a second call of the same program with
other seeds, long enough by a call before it.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from typing import Any

FIRST_ITERATIONS = 20


def make_training(shared: dict[str, Any], members: int, iterations: int) -> Any:
    """A compiled program that trains so many seeds for so many iterations, given their random keys."""
    import jax
    from rejax import PPO

    algorithm = PPO.create(
        env="CartPole-v1",
        agent_kwargs={
            "hidden_layer_sizes": (shared["hidden_size"],) * 2,
            "activation": shared["activation"],
        },
        num_envs=shared["num_envs"],
        num_steps=shared["num_steps"],
        num_epochs=shared["num_epochs"],
        num_minibatches=shared["num_minibatches"],
        learning_rate=shared["learning_rate"],
        gamma=shared["gamma"],
        gae_lambda=shared["gae_lambda"],
        clip_eps=shared["eps_clip"],
        ent_coef=shared["ent_coef"],
        vf_coef=shared["vf_coef"],
        max_grad_norm=shared["max_grad_norm"],
        total_timesteps=iterations * shared["num_envs"] * shared["num_steps"],
        eval_freq=iterations * shared["num_envs"] * shared["num_steps"],
        skip_initial_evaluation=True,
    )
    algorithm = algorithm.replace(eval_callback=lambda *_: ())
    train = algorithm.train
    return jax.jit(jax.vmap(train) if members > 1 else lambda keys: train(keys[0]))


def timed(train: Any, seed: int, members: int) -> tuple[float, float]:
    """Wall and processor seconds of a call, to the end of its computation."""
    import jax

    keys = jax.random.split(jax.random.PRNGKey(seed), members)
    jax.block_until_ready(keys)
    wall, cpu = time.perf_counter(), time.process_time()
    jax.block_until_ready(train(keys))
    return time.perf_counter() - wall, time.process_time() - cpu


def measure(shared: dict[str, Any], members: int, seconds: float) -> dict[str, Any]:
    """Compile, find a length that lasts ``seconds``, and measure it."""
    import jax

    steps = members * shared["num_envs"] * shared["num_steps"]
    short = make_training(shared, members, FIRST_ITERATIONS)
    timed(short, 0, members)
    wall, _ = timed(short, 1, members)
    iterations = max(FIRST_ITERATIONS, round(FIRST_ITERATIONS * seconds / wall))
    train = make_training(shared, members, iterations)
    first, first_cpu = timed(train, 2, members)
    wall, cpu = timed(train, 3, members)
    return {
        "steps_per_second": steps * iterations / wall,
        "steps_per_cpu_second": steps * iterations / cpu,
        "seconds": wall,
        "compile_seconds": max(first - wall, 0.0),
        "compile_cpu_seconds": max(first_cpu - cpu, 0.0),
        "timings": {},
        "jax": jax.__version__,
    }


def main() -> None:
    """Measure once and print the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("shared", help="the hyperparameters of all programs, as JSON")
    parser.add_argument("--members", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=8.0)
    args = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # XLA has as many threads as it sees cores
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["JAX_PLATFORMS"] = "cpu"
    print(json.dumps(measure(json.loads(args.shared), args.members, args.seconds)))


if __name__ == "__main__":
    main()
