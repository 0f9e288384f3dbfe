"""Small ``ppo sweep`` commands of CartPole."""

from __future__ import annotations

from helpers.sweep_helpers import InProcess

TINY = (
    "--total-timesteps", "128", "--set", "num_envs=2", "--set", "num_steps=16", "--set", "num_minibatches=2",
    "--set", "num_epochs=2", "--set", "hidden_sizes=[8]", "--set", "num_evals=4", "--set", "eval_episodes=2",
    "--set", "final_eval_episodes=3",
)  # fmt: skip
CARTPOLE = ("sweep", "--env", "CartPole-v1", *TINY, "--seeds", "2", "--confirm", "0")
CLIPS = (*CARTPOLE, "--param", "eps_clip=0.1,0.3")
NAME = "CartPole-v1-eps_clip"


def trained(executor: InProcess) -> list[str]:
    """The runs that were trained, not only measured."""
    return [run.name for job in executor.jobs if not job.probe for run in job.runs]


def one_line(text: str) -> str:
    """A message without the line breaks of a narrow terminal."""
    return " ".join(text.split())
