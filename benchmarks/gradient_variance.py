"""Why rewards-to-go and baselines: the variance of REINFORCE's gradient, as a plot and a table.

A policy for CartPole is trained by REINFORCE, with its critic. At several moments of the training its
gradient is estimated many times, each time from 8 fresh episodes, by every variant from the same episodes.
gamma is 1, the time limit counts as an end and an estimate is a mean over episodes, so that all variants
estimate the same gradient and differ in their noise alone.

The noise is the expected squared distance of an estimate from the mean of all estimates (the trace of their
covariance), over the policy's parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from common import PICTURES, Entry, Results, arguments, log, machine, number, picture, report, table

VARIANTS = {
    "whole return": ("trajectory", "none"),
    "whole return − V(s)": ("trajectory", "value"),
    "rewards to go": ("to-go", "none"),
    "rewards to go − V(s)": ("to-go", "value"),
}
ENV = "CartPole-v1"
EPISODES = 8  # of one estimate
MEMBERS = 32  # estimates that are made together
ITERATIONS = 160
PLOT = PICTURES / "gradient-variance.png"


def measure(stages: int, rounds: int) -> Entry:
    """Estimate the gradient ``rounds * MEMBERS`` times at every stage; the entry of the results file."""
    found: list[dict[str, Any]] = []
    for iteration, params in trained_policies(stages):
        found.append({"iteration": iteration, **noise_at(params, iteration, rounds)})
        log(f"iteration {iteration}: {found[-1]}")
    return {"env_id": ENV, "episodes": EPISODES, "estimates": rounds * MEMBERS, "stages": found}


def settings() -> Any:
    """The settings of the training, and of the estimates."""
    from ppo_cli.config.resolve import with_values
    from ppo_cli.config.schema import RunConfig

    return with_values(
        RunConfig(env_id=ENV),
        {
            "algorithm": "reinforce",
            "num_envs": EPISODES,
            "num_steps": 500,
            "num_minibatches": 1,
            "gamma": 1.0,
            "learning_rate": 5e-3,
            "anneal_lr": False,
            "num_evals": 0,
            "final_eval_episodes": 0,
            "normalize_advantages": False,
            "total_timesteps": ITERATIONS * EPISODES * 500,
            "reward_scale": 0.05,
        },
    )


def trained_policies(stages: int) -> Iterator[tuple[int, Any]]:
    """Iteration and parameters of the policy and its critic, ``stages`` times, evenly."""
    from ppo_cli.learn.build import open_population
    from ppo_cli.learn.population import Member, Population
    from ppo_cli.learn.trainer import learn

    with open_population(Population((Member(settings()),))) as state:
        for iteration in range(ITERATIONS + 1):
            if iteration * (stages - 1) % ITERATIONS == 0:
                yield iteration, state.learner.agent.params[0].clone()
            learn(state, collected(state))
            state.learner.iteration += 1


def noise_at(params: Any, stage: int, rounds: int) -> dict[str, Any]:
    """Noise of every variant with one policy, and the squared length of the gradient that they estimate."""
    import torch

    from ppo_cli.config.resolve import with_values
    from ppo_cli.learn.agent import AgentObjective
    from ppo_cli.learn.algorithms.reinforce import Reinforce
    from ppo_cli.learn.build import open_population
    from ppo_cli.learn.population import Member, Population
    from ppo_cli.learn.trainer import make_batch

    estimates: dict[str, list[Any]] = {name: [] for name in VARIANTS}
    lengths = []
    configs = [with_values(settings(), {"seed": 10_000 * (stage + 1) + m}) for m in range(MEMBERS)]
    with open_population(Population(tuple(Member(config) for config in configs))) as state:
        state.learner.agent.params[:] = params
        for _ in range(rounds):
            rollout = collected(state)
            state.learner.iteration += 1  # other action noise in the next round
            lengths += [episode.length for episode in state.rows.envs.pop_episodes()]
            collected_batch = make_batch(state, rollout)
            for name, (returns, baseline) in VARIANTS.items():
                agent = replace(state.agent, algorithm=Reinforce(returns))
                batch = judged(collected_batch, state.rows.hyper, rollout, agent.algorithm, baseline)
                objective = AgentObjective(agent, state.rows.hyper)
                grads = objective.gradient(state.learner.agent.params, batch).grads
                estimates[name].append(grads[:, : state.agent.net.num_params // 2].clone())
    stacked = {name: torch.cat(values).double() for name, values in estimates.items()}
    noise = {name: values.var(0).sum().item() for name, values in stacked.items()}
    best = stacked["rewards to go − V(s)"]
    # The squared length of a mean of n estimates is too long by the noise / n.
    length = best.mean(0).square().sum().item() - noise["rewards to go − V(s)"] / len(best)
    return {"noise": noise, "squared_length": max(length, 0.0), "mean_length": sum(lengths) / len(lengths)}


def collected(state: Any) -> Any:
    """Whole episodes with the rewards that the learner sees; nothing comes after the time limit."""
    from ppo_cli.learn.trainer import collect, relabel

    rollout, _ = relabel(state, collect(state))
    return replace(rollout, terminated=rollout.terminated | rollout.truncated)


def judged(batch: Any, hyper: Any, rollout: Any, algorithm: Any, baseline: str) -> Any:
    """The batch of a rollout, judged by a variant; values are 0 where it has no baseline."""
    values = batch.values.view(*rollout.rewards.shape)
    values = values[:, [*range(values.shape[1]), -1]]  # what comes last is not looked at
    if baseline == "none":
        values = 0 * values
    targets = algorithm.targets(rollout, values, hyper)
    return replace(
        batch,
        advantages=targets.advantages.flatten(1, 2),
        weights=targets.weights.flatten(1, 2) / EPISODES,
    )


def text(entries: Mapping[str, Entry]) -> str:
    """The plot, and the noise of every variant as a Markdown table, relative to the noisiest one."""
    if ENV not in entries:
        return ""
    rows = []
    for stage in entries[ENV]["stages"]:
        worst = stage["noise"]["whole return"]
        shares = [number(100 * stage["noise"][name] / worst, 1) + " %" for name in VARIANTS]
        rows.append([str(stage["iteration"]), number(stage["mean_length"]), *shares])
    plot = picture(PLOT.name, "Variance of the gradient, weighed in four ways")
    return f"{plot}\n\n{table(('After iterations', 'Steps per episode', *VARIANTS), rows)}"


def draw(entries: Mapping[str, Entry]) -> None:
    """Draw the noise of every variant over the training."""
    from matplotlib.figure import Figure

    stages = entries[ENV]["stages"]
    figure = Figure(figsize=(8, 3.6), dpi=150, layout="constrained")
    axes = figure.subplots()
    colors = ("#D55E00", "#E69F00", "#56B4E9", "#0072B2")
    for name, color in zip(VARIANTS, colors, strict=True):
        axes.semilogy(
            [stage["iteration"] for stage in stages], [stage["noise"][name] for stage in stages],
            "o-", color=color, label=name,
        )  # fmt: skip
    axes.set_title(
        f"Variance of REINFORCE's gradient on {ENV}, {EPISODES} episodes an estimate",
        loc="left", fontsize=10, fontweight="bold",
    )  # fmt: skip
    axes.set_xlabel("iterations that the policy has been trained")
    axes.set_ylabel("trace of the covariance")
    axes.grid(color="#e6e6e6")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    figure.savefig(PLOT, metadata={"Software": None})


def main() -> None:
    """Measure, draw and print the table."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--stages", type=int, default=9, help="moments of the training")
    parser.add_argument("--rounds", type=int, default=16, help=f"rounds of {MEMBERS} estimates at each")
    args = parser.parse_args()
    results = Results("gradient_variance", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        results.add(ENV, measure(*((2, 1) if args.quick else (args.stages, args.rounds))))
    if results.entries and not args.quick:
        draw(results.entries)
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
