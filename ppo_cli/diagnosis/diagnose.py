"""All diagnoses, and a run's findings by them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from ppo_cli.config.schema import RunConfig
from ppo_cli.diagnosis import critic, policy, returns, rewards
from ppo_cli.diagnosis.logs import Finding, RunLogs, read_logs
from ppo_cli.errors import PpoError
from ppo_cli.runs.run_dir import RunDir

DIAGNOSES: tuple[Callable[[RunLogs], Finding | None], ...] = (
    returns.episodes_never_end,
    policy.does_not_move,
    policy.stops_exploring,
    policy.moves_too_far,
    critic.explains_nothing,
    rewards.one_term_rules,
    rewards.a_term_never_changes,
    rewards.shaped_parts_from_true,
    rewards.learned_parts_from_true,
    rewards.mostly_waiting,
    returns.fell,
    returns.evaluation_parts,
    returns.still_rising,
)
"""The graver ones first."""


OF_WHAT_WAS_LEARNED = (returns.fell, returns.evaluation_parts, returns.still_rising)
"""They say nothing of a policy that has not moved: its returns are chance."""


def diagnose(logs: RunLogs) -> list[Finding]:
    """What is wrong with a run, as far as its logs tell."""
    found = {find: finding for find in DIAGNOSES if (finding := find(logs)) is not None}
    if policy.does_not_move in found:
        found = {find: finding for find, finding in found.items() if find not in OF_WHAT_WAS_LEARNED}
    return list(found.values())


def diagnose_run(run: RunDir, config: RunConfig | None = None) -> list[Finding]:
    """As :func:`diagnose`, of a run folder; nothing where it cannot be read, which others say.

    Args:
        run: The folder.
        config: The run's settings; None reads them.
    """
    try:
        return diagnose(read_logs(run, config))
    except PpoError:
        return []


def of_group(name: str, runs: Sequence[Sequence[Finding]]) -> list[str]:
    """What is wrong with the runs of a group, each illness in a sentence with the number of its runs.

    Args:
        name: The group's.
        runs: What was found in each run.
    """
    findings = [finding for found in runs for finding in found]
    counts = Counter(finding.name for finding in findings)
    first = {finding.name: finding for finding in reversed(findings)}
    said = {key: f"{name}{_how_many(number, len(runs))}" for key, number in counts.items()}
    return [
        f"{said[key]}: {finding.message}"
        for key, finding in sorted(first.items(), key=lambda item: -counts[item[0]])
    ]


def _how_many(number: int, of: int) -> str:
    return "" if of == 1 else f", {number} of {of} runs"
