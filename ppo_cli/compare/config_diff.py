"""The settings in which groups of runs differ, and those that one group mixes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ppo_cli.compare.group_result import GroupResult
from ppo_cli.config.dump import is_used, yaml_text
from ppo_cli.config.resolve import get_value
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.settings import SETTINGS

# What the result does not depend on; and the seed, in which the runs of a group differ on purpose.
_ASIDE = ("seed", "output.", "compute.")
_ABSENT = "not given"  # an entry of a mapping that others have
_UNUSED = "not used"
_DEFAULTS = {setting.path: yaml_text(setting.default) for setting in SETTINGS}


def config_diff(groups: Sequence[GroupResult]) -> dict[str, dict[str, str]]:
    """The settings in which runs differ, each with its value in every group.

    That one algorithm leaves another's setting unused goes without saying, unless it is not at its default.

    A group that has several values shows each with the number of its runs: ``0.2 (3 runs), 0.3 (2 runs)``.
    """
    values = {group.name: _settings([score.config for score in group.scores]) for group in groups}
    paths = dict.fromkeys(path for settings in values.values() for path in settings)
    differing = {}
    for path in paths:
        counts = {name: settings.get(path, Counter([_ABSENT])) for name, settings in values.items()}
        texts = {text for count in counts.values() for text in count}
        if len(texts) > 1 and texts != {_UNUSED, _DEFAULTS.get(path)}:
            differing[path] = {name: _in_words(count) for name, count in counts.items()}
    return differing


def mixed_settings(group: GroupResult) -> dict[str, str]:
    """The settings in which the runs of one group differ, each with its values."""
    settings = _settings([score.config for score in group.scores])
    return {path: _in_words(count) for path, count in settings.items() if len(count) > 1}


def training_key(config: RunConfig) -> tuple[str, ...]:
    """List what a run's result depends on, its seed included: runs with one key are the same run twice."""
    return (str(config.seed), *(text for path, text in _texts(config).items()))


def _settings(configs: Sequence[RunConfig]) -> dict[str, Counter[str]]:
    """Count how many runs have which value of each setting."""
    texts = [_texts(config) for config in configs]
    paths = dict.fromkeys(path for each in texts for path in each)
    return {path: Counter(each.get(path, _ABSENT) for each in texts) for path in paths}


def _texts(config: RunConfig) -> dict[str, str]:
    """Every setting as it stands in a YAML file; mappings entry by entry."""
    texts: dict[str, str] = {}
    for setting in SETTINGS:
        if setting.path.startswith(_ASIDE):
            continue
        value: Any = get_value(config, setting.path)
        entries = value if isinstance(value, Mapping) else None
        if not is_used(config, setting):
            texts[setting.path] = _UNUSED
        elif entries is None:
            texts[setting.path] = yaml_text(value)
        else:
            texts |= {f"{setting.path}.{name}": yaml_text(entry) for name, entry in sorted(entries.items())}
    return texts


def _in_words(count: Counter[str]) -> str:
    if len(count) == 1:
        return next(iter(count))
    return ", ".join(
        f"{text} ({number} run{'' if number == 1 else 's'})" for text, number in count.most_common()
    )
