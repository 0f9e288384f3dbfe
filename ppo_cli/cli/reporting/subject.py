"""What a page of ``ppo report`` is about, and what it says of that."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from ppo_cli.cli.terminal.options import DEFAULT_RUNS_DIR
from ppo_cli.comparison.groups import Group, find_groups
from ppo_cli.errors import UsageError
from ppo_cli.html.content import Report
from ppo_cli.html.curves import Series
from ppo_cli.html.media import given_pictures, rendered_pictures
from ppo_cli.runs.run_dir import RunDir
from ppo_cli.sweeps.folder.sweep_dir import SweepDir, find_run_or_sweep


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What a user wants of the page beside its subject.

    Attributes:
        title: The heading; None for the subject's own.
        gifs: Show these GIFs instead of those that lie in the run folders.
        no_gifs: Show none.
    """

    title: str | None
    gifs: Sequence[Path]
    no_gifs: bool

    @property
    def words(self) -> list[str]:
        """The wishes as they are typed."""
        words = ["--title", self.title] if self.title is not None else []
        words += [word for path in self.gifs for word in ("--gif", str(path))]
        return [*words, *(["--no-gifs"] if self.no_gifs else [])]


def find_subject(runs_dir: Path, words: Sequence[str]) -> RunDir | SweepDir | None:
    """The one run or sweep that is meant; None for groups of runs."""
    if len(words) != 1:
        return None
    try:
        return find_run_or_sweep(runs_dir, words[0])
    except UsageError:
        return None  # a series of seeds, a glob, or nothing at all: find_groups says which


def report_on(
    subject: RunDir | SweepDir | None, runs_dir: Path, words: Sequence[str], wishes: Wishes
) -> Report:
    """What the page says.

    Args:
        subject: As :func:`find_subject` found it.
        runs_dir: Where runs are.
        words: What was typed, for groups of runs.
        wishes: What the user wants of the page.

    Raises:
        UsageError: The words mean nothing, or a GIF is none.
        CorruptFileError: A file is damaged.
    """
    pictures = given_pictures(wishes.gifs)
    report, series = _told(subject, runs_dir, words, [*wishes.words, "--force"])
    if wishes.title is not None:
        report = dataclasses.replace(report, title=wishes.title)
    if pictures:
        return dataclasses.replace(report, pictures=pictures)
    if wishes.no_gifs:
        return report
    pictures, note = rendered_pictures(series)
    return dataclasses.replace(report, pictures=pictures, pictures_note=note)


def _told(
    subject: RunDir | SweepDir | None, runs_dir: Path, words: Sequence[str], more: Sequence[str]
) -> tuple[Report, tuple[Series, ...]]:
    """The page's text, and the groups whose curves it draws.

    The command that it gives for itself names no ``--output``: the same runs give the same bytes anywhere.
    """
    from ppo_cli.html.story import groups_report  # loads Gymnasium
    from ppo_cli.html.sweep_story import sweep_report

    if isinstance(subject, SweepDir):
        return sweep_report(subject, ["report", str(subject.path), *more])
    if isinstance(subject, RunDir):
        group = Group(subject.name, (subject,))
        return groups_report([group], [], ["report", str(subject.path), *more])
    again = [*words] if runs_dir == DEFAULT_RUNS_DIR else [*words, "--runs-dir", str(runs_dir)]
    return groups_report(find_groups(runs_dir, words), again, ["report", *again, *more])
