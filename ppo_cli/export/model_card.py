"""A model card: what a stranger has to know about a policy, as the README that Hugging Face shows.

The front matter is what the Hub reads (tags, and the reward in ``model-index``); the rest is for people.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ppo_cli.config.dump import yaml_text
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.settings import REQUIRED
from ppo_cli.config.values import changed_settings
from ppo_cli.envs.consent import imports_of
from ppo_cli.export.markdown import code, code_block, prose, table
from ppo_cli.export.origin import Evaluation, Origin
from ppo_cli.version import __version__

_NOT_A_LIBRARY = "custom-implementation"  # what cards say whose weights no known library reads


@dataclass(frozen=True)
class Card:
    """The facts that a model card tells.

    Attributes:
        origin: Where the policy comes from.
        evaluation: How well it plays.
        config: The run's settings.
        summary: The run's ``summary.json``, or what there is of it.
        reward_threshold: The environment's "solved" mark, or None.
        replay: What the GIF shows, in words; None without one.
    """

    origin: Origin
    evaluation: Evaluation
    config: RunConfig
    summary: Mapping[str, Any]
    reward_threshold: float | None
    replay: str | None


def results_json(card: Card) -> dict[str, Any]:
    """``results.json``: the keys that Hugging Face's tools read, and the interval."""
    evaluation = card.evaluation
    return {
        "env_id": card.origin.env_id,
        "mean_reward": evaluation.mean,
        "std_reward": evaluation.std,
        "mean_reward_ci95": list(evaluation.ci95),
        "is_deterministic": evaluation.deterministic,
        "n_eval_episodes": evaluation.episodes,
        "eval_datetime": evaluation.when,
    }


def readme(card: Card) -> str:
    """The text of ``README.md``."""
    parts = [
        front_matter(card.origin, card.evaluation),
        f"# {_family(card.origin).upper()} on {prose(card.origin.env_id)}",
        *_picture(card),
        *_results(card),
        *_use(card),
        *_repeat(card),
        *_settings(card.config),
    ]
    return "\n\n".join(parts) + "\n"


def front_matter(origin: Origin, evaluation: Evaluation) -> str:
    """The YAML in front: tags, and the reward as other cards give it. Not verified by anybody."""
    name = _env_name(origin)
    tags = [name, "deep-reinforcement-learning", "reinforcement-learning", _family(origin), _NOT_A_LIBRARY]
    lines = [
        "---",
        "tags:",
        *(f"- {yaml_text(tag)}" for tag in tags),
        "model-index:",
        f"- name: {yaml_text(origin.run)}",
        "  results:",
        "  - task:",
        "      type: reinforcement-learning",
        "      name: reinforcement-learning",
        "    dataset:",
        f"      name: {yaml_text(name)}",
        f"      type: {yaml_text(name)}",
        "    metrics:",
        "    - type: mean_reward",
        f"      value: {evaluation.mean:.2f} +/- {evaluation.std:.2f}",
        "      name: mean_reward",
        "      verified: false",
        "---",
    ]
    return "\n".join(lines)


def _env_name(origin: Origin) -> str:
    """The environment's id without the module that defines it."""
    return origin.env_id.rpartition(":")[2]


def _family(origin: Origin) -> str:
    """``ppo`` of ``ppo-clip``."""
    return origin.algorithm.partition("-")[0]


def _picture(card: Card) -> list[str]:
    if card.replay is None:
        return []
    return [f"![The agent at play](replay.gif)\n\n*{card.replay}*"]


def _results(card: Card) -> list[str]:
    evaluation = card.evaluation
    low, high = evaluation.ci95
    interval = f"{low:.2f} to {high:.2f}" if math.isfinite(low + high) else "none: one episode"
    action = "the most likely one" if evaluation.deterministic else "sampled"
    rows = [
        ("mean return", f"**{evaluation.mean:.2f}**"),
        ("95 % interval", interval),
        ("standard deviation over episodes", f"{evaluation.std:.2f}"),
        ("episodes", f"{evaluation.episodes:,}"),
        ("actions", action),
    ]
    if card.reward_threshold is not None:
        rows.append(("counts as solved from", f"{card.reward_threshold:g}"))
    which = "the best one by the evaluations during training" if card.origin.best else "the last one"
    note = (
        f"The policy is {which} of run {code(card.origin.run)} (seed {card.origin.seed}). It was evaluated "
        "after training, on episodes that training never saw, by the environment's own reward. One run is "
        "one seed: the interval is over episodes, and says nothing about what another seed would give."
    )
    return ["## Results", table(("", ""), rows), note]


def _use(card: Card) -> list[str]:
    return [
        "## Use it",
        "`policy.py` is the policy in one file that needs Python and NumPy, nothing else:",
        code_block(["import policy", "", "action = policy.predict(obs)"], "python"),
        "Where Gymnasium and the environment are installed it also plays: "
        "`python policy.py --episodes 5 --render`.",
        "`policy.safetensors` is the same policy for `ppo` (the Python package `ppo-cli`), with the calling "
        "convention of Stable-Baselines3. It holds no pickle:",
        code_block(
            [
                "from ppo_cli import load_policy",
                "",
                'policy = load_policy("policy.safetensors")',
                "action, _ = policy.predict(obs, deterministic=True)",
            ],
            "python",
        ),
    ]


def _repeat(card: Card) -> list[str]:
    """The commands; a folder with a config.yaml and a policy is one that `ppo` can play."""
    needs = " --allow-import" if imports_of(card.config) else ""
    commands = {
        f"ppo eval .{needs}": "plays it on 100 fresh episodes",
        f"ppo render .{needs} --output again.gif": "films it",
        f"ppo train --config config.yaml{needs}": "trains it again, from nothing",
    }
    width = max(map(len, commands))
    versions = card.summary.get("versions")
    named = versions.items() if isinstance(versions, Mapping) else ()
    listed = ", ".join(f"{prose(str(name))} {prose(str(version))}" for name, version in named)
    made = f" It was made with {listed}." if listed else ""
    return [
        "## Repeat it",
        "In this folder:",
        code_block([f"{command:{width}}  # {what}" for command, what in commands.items()]),
        "The same settings, seed, versions and machine give the same policy, bit for bit."
        f"{made} This card was written by ppo {__version__}.",
    ]


def _settings(config: RunConfig) -> list[str]:
    """The settings that are not at their defaults."""
    rows = [
        (code(setting.path), code(yaml_text(value)), code(yaml_text(setting.default)))
        for setting, value in changed_settings(config)
        if setting.default != REQUIRED
    ]
    what = "What differs from the defaults; `config.yaml` has all of them."
    if config.reward_shaping.pays:
        mode = config.reward_shaping.mode
        what += f" Training saw a shaped reward ({mode}); the results above are by the environment's own."
    return ["## Settings", what, table(("setting", "value", "default"), rows)]
