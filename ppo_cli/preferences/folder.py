"""Preference sets as folders: where their files are, how one is made, found, read and locked. No torch.

    runs/NAME/
      preferences.yaml     environment, question, length of a clip, teacher
      episodes.jsonl       seed and actions of each episode, and the sum of what was to be seen
      comparisons.jsonl    an answer a line, or one that is taken back
      fits/0001/           reward.safetensors, report.json

They lie beside runs and sweeps: one ``--runs-dir`` moves all that belongs together, a name means one thing.
Both files of lines only grow. A set may come from a stranger: nothing in it is executed, and what is wrong
in it is said in one message.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ppo_cli.config.preference_settings import PreferenceSettings, preferences_text, read_preferences
from ppo_cli.errors import CorruptFileError, UsageError
from ppo_cli.preferences.lines import read_lines
from ppo_cli.preferences.records import Comparison, Episode, Undo, parse_comparison, standing
from ppo_cli.rewards.fits import FITS
from ppo_cli.runs.folders import PREFERENCES, create_folder, find_folder, list_folders
from ppo_cli.storage.file_lock import file_lock, is_locked

MAX_REPORT_BYTES = 4 * 2**20
MAX_COMPARISONS = 200_000
MAX_EPISODES = 200_000
_MAX_COMPARISON_BYTES = 4096
_MAX_EPISODE_BYTES = 2**22

Notice = Callable[[str], None]


@dataclass(frozen=True)
class PreferenceDir:
    """One preference set's folder.

    Attributes:
        path: The folder.
    """

    path: Path

    @property
    def name(self) -> str:
        """The folder's name, which is the set's."""
        return self.path.absolute().name

    @property
    def settings_path(self) -> Path:
        """``preferences.yaml``: what the set is about."""
        return self.path / PREFERENCES.marker

    @property
    def episodes_path(self) -> Path:
        """``episodes.jsonl``: seed and actions of each episode."""
        return self.path / "episodes.jsonl"

    @property
    def comparisons_path(self) -> Path:
        """``comparisons.jsonl``: the answers."""
        return self.path / "comparisons.jsonl"

    @property
    def fits_path(self) -> Path:
        """``fits/``: reward models."""
        return self.path / FITS

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only process that writes this set while the block runs.

        Raises:
            RunLockedError: Another process writes it; the message says which, where and since when.
            StorageError: The folder cannot be written.
        """
        with file_lock(self.path / ".lock", f"preference set {self.name}"):
            yield

    def is_locked(self) -> bool:
        """Whether a process writes this set now."""
        return is_locked(self.path / ".lock")

    def settings(self) -> PreferenceSettings:
        """What the set is about.

        Raises:
            CorruptFileError: ``preferences.yaml`` is damaged.
        """
        try:
            return read_preferences(self.settings_path)
        except UsageError as error:
            raise CorruptFileError(
                f"{self.settings_path} is damaged: {error.message}",
                hint=error.hint,
                key=error.key,
                file=error.file,
                line=error.line,
            ) from error

    def episodes(self, notice: Notice = lambda _: None) -> dict[str, Episode]:
        """The episodes by name.

        Raises:
            CorruptFileError: A line is wrong, or a name is there twice.
        """
        episodes: dict[str, Episode] = {}

        def add(line: dict[str, object]) -> None:
            episode = Episode.parse(line)
            if episode.episode in episodes:
                raise ValueError(f"there are two episodes {episode.episode}")
            episodes[episode.episode] = episode

        read_lines(
            self.episodes_path, add, max_line=_MAX_EPISODE_BYTES, max_lines=MAX_EPISODES, notice=notice
        )
        return episodes

    def lines(self, notice: Notice = lambda _: None) -> list[Comparison | Undo]:
        """All lines of ``comparisons.jsonl``, those too that were taken back.

        Raises:
            CorruptFileError: A line is wrong.
        """
        return read_lines(
            self.comparisons_path,
            parse_comparison,
            max_line=_MAX_COMPARISON_BYTES,
            max_lines=MAX_COMPARISONS,
            notice=notice,
        )

    def comparisons(self, notice: Notice = lambda _: None) -> list[Comparison]:
        """The answers that stand.

        Raises:
            CorruptFileError: A line is wrong, or the lines contradict each other.
        """
        try:
            return standing(self.lines(notice))
        except ValueError as error:
            raise CorruptFileError(
                f"{self.comparisons_path}: {error}",
                hint="remove the line, or take the file from a backup",
                file=self.comparisons_path,
            ) from None


def create_preference_dir(
    runs_dir: Path, name: str, settings: PreferenceSettings, *, exact: bool = True
) -> PreferenceDir:
    """Make a set's folder with its ``preferences.yaml``.

    Raises:
        UsageError: It is not a name, or it is taken and ``exact``.
        StorageError: The folder cannot be made.
    """
    content = preferences_text(settings)
    return PreferenceDir(create_folder(PREFERENCES, runs_dir, name, exact=exact, content=content))


def find_preferences(runs_dir: Path, ref: str) -> PreferenceDir:
    """The set that a user means: a path, a name, a unique beginning of one, or ``latest``.

    Raises:
        UsageError: There is no such set, or there are several.
        CorruptFileError: The folder is a symbolic link.
    """
    return PreferenceDir(find_folder(PREFERENCES, runs_dir, ref))


def list_preferences(runs_dir: Path) -> list[PreferenceDir]:
    """The sets of a directory, by name.

    Raises:
        StorageError: The directory cannot be read.
    """
    return [PreferenceDir(path) for path in list_folders(PREFERENCES, runs_dir)]
