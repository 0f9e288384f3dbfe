"""What a preference set is and what came of it, as the document of ``ppo prefer``, ``list`` and ``show``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ppo_cli.errors import PpoError
from ppo_cli.preferences.folder import MAX_REPORT_BYTES, Notice, PreferenceDir
from ppo_cli.preferences.records import ANSWERS, Comparison
from ppo_cli.rewards.fits import REPORT, fit_folders
from ppo_cli.runs.reading import UNREADABLE
from ppo_cli.storage.json_file import read_json


def describe_set(folder: PreferenceDir, notice: Notice = lambda _: None) -> dict[str, Any]:
    """The document of a set.

    Raises:
        CorruptFileError: It is damaged.
    """
    settings = folder.settings()
    comparisons = folder.comparisons(notice)
    counts = Counter(one.answer for one in comparisons)
    return {
        "preferences_dir": str(folder.path),
        "name": folder.name,
        "env_id": settings.env_id,
        "pairs": len(comparisons),
        "answers": {answer: counts[answer] for answer in ANSWERS},
        "teacher": settings.teacher,
        "judged_by": settings.answers_by.reward,
        "question": settings.question,
        "length": settings.length,
        "self_agreement": self_agreement(comparisons),
    }


def describe_any_set(folder: PreferenceDir) -> dict[str, Any]:
    """As :func:`describe_set`, for lists: a damaged set is described too."""
    try:
        return describe_set(folder)
    except PpoError as error:
        about = {"preferences_dir": str(folder.path), "name": folder.name}
        return {**about, "status": UNREADABLE, "reason": error.message}


def self_agreement(comparisons: Sequence[Comparison]) -> float | None:
    """How often a pair got the same answer when it was asked again; None where none was.

    Pairs that were called equal or unclear one of the two times count as half an agreement.
    """
    by_id = {one.id: one for one in comparisons}
    agreements = []
    for one in comparisons:
        before = by_id.get(one.repeat) if one.repeat is not None else None
        if before is None or one.preference is None or before.preference is None:
            continue
        agreements.append(1 - abs(one.preference - before.preference))
    return sum(agreements) / len(agreements) if agreements else None


def fits_of(folder: PreferenceDir) -> list[dict[str, Any]]:
    """The reports of a set's complete fits, oldest first, each with its name; damaged ones say so."""
    fits: list[dict[str, Any]] = []
    for path in fit_folders(folder.path):
        try:
            report = read_json(path / REPORT, MAX_REPORT_BYTES)
        except PpoError as error:
            report = {"status": UNREADABLE, "reason": error.message}
        if report is not None:
            fits.append({**report, "name": path.name})
    return fits
