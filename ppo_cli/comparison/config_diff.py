"""The settings in which groups of runs differ, and those that one group mixes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ppo_cli.comparison.group_result import GroupResult
from ppo_cli.config.dump import yaml_text
from ppo_cli.config.identity import SEED, result_settings
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.settings import BY_PATH, SETTINGS
from ppo_cli.config.values import is_used

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


def _settings(configs: Sequence[RunConfig]) -> dict[str, Counter[str]]:
    """Count how many runs have which value of each setting."""
    texts = [_texts(config) for config in configs]
    paths = dict.fromkeys(path for settings in texts for path in settings)
    return {path: Counter(settings.get(path, _ABSENT) for settings in texts) for path in paths}


def _texts(config: RunConfig) -> dict[str, str]:
    """The settings that results depend on as they stand in a YAML file, mappings entry by entry; no seed."""
    texts: dict[str, str] = {}
    for path, value in result_settings(config).items():
        if not is_used(config, BY_PATH[path]):
            texts[path] = _UNUSED
        elif isinstance(value, Mapping):
            texts |= {f"{path}.{name}": yaml_text(entry) for name, entry in sorted(value.items())}
        elif path != SEED:
            texts[path] = yaml_text(value)
    return texts


def _in_words(count: Counter[str]) -> str:
    if len(count) == 1:
        return next(iter(count))
    return ", ".join(
        f"{text} ({number} run{'' if number == 1 else 's'})" for text, number in count.most_common()
    )
