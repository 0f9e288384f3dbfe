"""Settings that other settings make useless: what was asked for and would change nothing is refused.

What no algorithm or policy of the config uses is refused where settings are read; this is about the rest. It
concerns what a user gave. Of what tuned files hold, the useless part is left out. A file that leaves nothing
open, as the ``config.yaml`` of a run does, is taken as it is: it says what was trained, if only to compare.
"""

from __future__ import annotations

from collections.abc import Mapping

from ppo_cli.config.assignments import Assignment
from ppo_cli.config.problems import Origin, Problem, refuse
from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.sections import SHAPING_TERMS
from ppo_cli.config.settings import BY_PATH, SETTINGS
from ppo_cli.config.values import get_value, used_settings

_LIMITS = ("eps_clip", "anneal_eps_clip", "eps_clip_vf", "clip_higher", "target_kl", "kl_target")
"""What limits how far later steps of an update move the policy; before the first one nothing has moved."""
_CRITIC = ("vf_coef", "critic_learning_rate", "eps_clip_vf")


def without_ignored(config: RunConfig, given: Mapping[str, Assignment]) -> RunConfig:
    """The settings without those that have no effect and that nobody gave.

    Args:
        config: The settings.
        given: What the user gave, by path, each with its place.

    Raises:
        UsageError: The user gave some of them, or shaping that pays for nothing.
    """
    useless, settled = ignored(config), _settled(config, given)
    asked = {path: told for path, told in useless.items() if _is_given(path, given)}
    place = Origin("settings")
    problems = [
        Problem(given[path].name_origin if path in given else place, path, why, hint)
        for path, (why, hint) in asked.items()
        if path not in settled
    ]
    mode = given.get("reward_shaping.mode")
    if mode is not None and pays_nothing(config) and mode.target.path not in settled:
        text = f"mode {config.reward_shaping.mode} with all weights 0 pays for nothing"
        hint = "give a weight: --set reward_shaping.TERM=1; mode log only records the terms"
        problems.append(Problem(mode.node.origin, "reward_shaping.mode", text, hint))
    if problems:
        refuse(problems)
    return with_values(config, {path: BY_PATH[path].default for path in useless if path not in asked})


def pays_nothing(config: RunConfig) -> bool:
    """Whether shaping is on and has nothing to pay for."""
    shaping = config.reward_shaping
    return shaping.pays and (not shaping.weights() or shaping.scale == 0)


def ignored(config: RunConfig) -> dict[str, tuple[str, str]]:
    """The settings away from their defaults that change nothing: why, and what to do, by path."""
    reasons = {**_of_shaping(config), **_of_learning(config), **_of_normalization(config)}
    return {path: told for path, told in reasons.items() if get_value(config, path) != BY_PATH[path].default}


def _of_shaping(config: RunConfig) -> dict[str, tuple[str, str]]:
    mode = config.reward_shaping.mode
    if config.reward_shaping.pays:
        return {}
    names = (*SHAPING_TERMS, "custom", "scale", *(("terms",) if mode == "off" else ()))
    does = "changes no reward" if mode == "log" else "switches shaping off"
    hint = "set reward_shaping.mode to add, replace or potential, or leave it out"
    return {f"reward_shaping.{name}": (f"has no effect: mode {mode} {does}", hint) for name in names}


def _of_learning(config: RunConfig) -> dict[str, tuple[str, str]]:
    learning = config.learning
    found: dict[str, tuple[str, str]] = {}
    if not config.facts.critic(learning):
        why = (f"has no effect: with baseline {learning.baseline} there is no value network", "leave it out")
        found |= {f"learning.{name}": why for name in _CRITIC if name in config.facts.settings}
    if config.facts.num_passes(learning) * config.facts.num_minibatches(learning) == 1:
        why = ("has no effect: an update is a single step, before which nothing has moved", "leave it out")
        found |= {f"learning.{name}": why for name in _LIMITS if name in config.facts.settings}
    prices = ("kl_coef", "reference_coef") if config.facts.loss_holds_on else ("reference_coef",)
    names = " and ".join(prices)
    if not any(getattr(learning, price) for price in prices):
        text = f"has no effect: {names} {'is' if len(prices) == 1 else 'are'} 0"
        found["learning.reference"] = (text, f"give {prices[0]}, or leave it out")
    if learning.reference_coef == 0:
        why = ("has no effect: reference_coef is 0", "give reference_coef, or leave it out")
        found["learning.reference_kl"] = why
    return found


def _of_normalization(config: RunConfig) -> dict[str, tuple[str, str]]:
    if config.normalization.normalize_obs:
        return {}
    return {"normalization.clip_obs": ("has no effect: normalize_obs is false", "set normalize_obs=true")}


def _settled(config: RunConfig, given: Mapping[str, Assignment]) -> set[str]:
    """The settings that stand in files, where every setting that the config uses was given."""
    used = used_settings(config)
    paths = [one.path for one in SETTINGS if one.name in (used[one.section] if one.section else used)]
    if not all(_is_given(path, given) for path in paths):
        return set()
    return {
        path
        for path in paths
        if all(one.name_origin.file for name, one in given.items() if f"{name}.".startswith(f"{path}."))
    }


def _is_given(path: str, given: Mapping[str, Assignment]) -> bool:
    return path in given or any(name.startswith(f"{path}.") for name in given)
