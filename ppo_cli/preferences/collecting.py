"""Filling a preference set: pairs of clips are drawn, a synthetic teacher answers, each answer is a line.

The whole is a function of the set's settings, its policies and the numbers of the comparisons. So a set that
was interrupted goes on with the pair after the last one, and to the same lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ppo_cli.config.preference_settings import PreferenceSettings
from ppo_cli.errors import UsageError
from ppo_cli.preferences.folder import PreferenceDir, create_preference_dir
from ppo_cli.preferences.goals import Goal, judged_rewards
from ppo_cli.preferences.lines import LineWriter
from ppo_cli.preferences.pairs import CHUNK, Pair, Shown, draw_pairs
from ppo_cli.preferences.records import Clip, Comparison, Episode, Undo, encoded
from ppo_cli.preferences.sources import Source
from ppo_cli.preferences.teachers import Scale, answer, clip_return
from ppo_cli.spaces import EnvSpec

REPEAT_OF = 10  # how many comparisons back the one lies that is asked again
MOST_STEPS = 1000  # of an episode of an environment without a time limit


@dataclass(frozen=True)
class Collector:
    """What is needed to ask.

    Attributes:
        settings: Of the set.
        spec: Its environment.
        sources: Who plays.
        goal: What a synthetic teacher judges by; None for the environment's own reward.
    """

    settings: PreferenceSettings
    spec: EnvSpec
    sources: Sequence[Source]
    goal: Goal | None

    def pairs(self, chunk: int) -> list[Pair]:
        """The pairs of one chunk."""
        return draw_pairs(chunk, self.sources, self.settings, self.spec, MOST_STEPS)

    def returns(self, pair: Pair) -> tuple[float, float]:
        """What the teacher sums for both clips."""
        return self._sum(pair.a), self._sum(pair.b)

    def scale(self) -> Scale:
        """What the teacher's thresholds are relative to: the clips of the first chunk."""
        sums = [value for pair in self.pairs(0) for value in self.returns(pair)]
        return Scale.of(np.array(sums), self.settings.answers_by)

    def _sum(self, shown: Shown) -> float:
        rewards = judged_rewards(shown.played, self.goal)[shown.start : shown.stop]
        return clip_return(rewards, self.settings.length, self.settings.answers_by.discount)


def collect_answers(
    folder: PreferenceDir,
    collector: Collector,
    num_pairs: int,
    *,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Let a synthetic teacher answer until the set has ``num_pairs`` comparisons; the caller holds its lock.

    Args:
        folder: The set.
        collector: Who plays, and what is judged by.
        num_pairs: Comparisons that are to be there, those included that are there.
        stop: Asked before each chunk of pairs.
        progress: Told how many there are.

    Returns:
        How many there are now.

    Raises:
        StorageError: The disk is full; the lines that are there are whole.
        CorruptFileError: The set is damaged.
    """
    there = folder.comparisons()
    episodes = folder.episodes()
    following = max((one.id for one in _numbered(folder)), default=-1) + 1
    count, settings = len(there), collector.settings
    if count >= num_pairs:
        return count
    scale = collector.scale()
    known = {one.id: one for one in there}
    with (
        LineWriter.open(folder.episodes_path) as episode_lines,
        LineWriter.open(folder.comparisons_path) as answer_lines,
    ):
        while count < num_pairs and not stop():
            pairs = collector.pairs(following // CHUNK)
            made: list[Comparison] = []
            new: dict[str, Episode] = {}
            for number in range(following, CHUNK * (following // CHUNK + 1)):
                if count + len(made) == num_pairs:
                    break
                again = known.get(number - REPEAT_OF) if _is_repeat(number, settings.repeat) else None
                if again is not None:
                    made.append(_asked_again(number, again, settings, scale))
                else:
                    one, own = _asked(number, pairs[number % CHUNK], collector, scale)
                    made.append(one)
                    new |= {episode.episode: episode for episode in own if episode.episode not in episodes}
                known[number] = made[-1]
            episode_lines.append([episode.document() for episode in new.values()])
            answer_lines.append([one.document() for one in made])
            episodes |= new
            count += len(made)
            following += len(made)
            progress(count)
    return count


def take_back(folder: PreferenceDir, number: int) -> None:
    """Take an answer back: a line more; the caller holds the lock.

    Raises:
        UsageError: There is no such comparison.
    """
    if number not in {one.id for one in folder.comparisons()}:
        raise UsageError(
            f"{folder.name} has no comparison {number} that stands", hint="`ppo show` counts them"
        )
    with LineWriter.open(folder.comparisons_path) as lines:
        lines.append([Undo(number).document()])


def open_set(runs_dir: Path, name: str, settings: PreferenceSettings) -> PreferenceDir:
    """The set of this name: the one that is there, if its settings are these, or a new one.

    Raises:
        UsageError: There is one with other settings; the message names the first that differs.
    """
    folder = PreferenceDir(runs_dir / name)
    if not folder.settings_path.exists():
        try:
            return create_preference_dir(runs_dir, name, settings)
        except UsageError:
            if not folder.settings_path.exists():  # else another process was faster by a moment
                raise
    there = folder.settings().model_dump()
    for key, value in settings.model_dump().items():
        if there[key] != value:
            raise UsageError(
                f"{folder.path} has {key} {there[key]}, not {value}",
                hint="give the set another name, or ask with its own settings",
                key=key,
                file=folder.settings_path,
            )
    return folder


def _numbered(folder: PreferenceDir) -> list[Comparison]:
    """All comparisons, those too that were taken back: no number is given twice."""
    return [line for line in folder.lines() if isinstance(line, Comparison)]


def _is_repeat(number: int, every: int) -> bool:
    return bool(every) and number % every == every - 1 and number >= REPEAT_OF


def _asked(
    number: int, pair: Pair, collector: Collector, scale: Scale
) -> tuple[Comparison, tuple[Episode, Episode]]:
    settings = collector.settings
    own = [_episode(2 * number + side, shown, collector) for side, shown in enumerate((pair.a, pair.b))]
    a, b = (
        Clip(episode.episode, shown.start, shown.stop)
        for episode, shown in zip(own, (pair.a, pair.b), strict=True)
    )
    returns = collector.returns(pair)
    on_left, on_right = returns if pair.left_is_a else returns[::-1]
    said = answer(on_left, on_right, settings.answers_by, scale, settings.seed, number)
    left = "a" if pair.left_is_a else "b"
    comparison = Comparison(number, a, b, left, said, settings.teacher, None, returns)  # type: ignore[arg-type]
    return comparison, (own[0], own[1])


def _asked_again(number: int, one: Comparison, settings: PreferenceSettings, scale: Scale) -> Comparison:
    """The same clips, sides swapped: how often a teacher agrees with itself bounds what can be learned."""
    assert one.returns is not None
    left = "b" if one.left == "a" else "a"
    on_left, on_right = one.returns if left == "a" else one.returns[::-1]
    said = answer(on_left, on_right, settings.answers_by, scale, settings.seed, number)
    return Comparison(number, one.a, one.b, left, said, settings.teacher, one.id, one.returns)  # type: ignore[arg-type]


def _episode(number: int, shown: Shown, collector: Collector) -> Episode:
    """The line of an episode, up to the end of its clip."""
    played, stop = shown.played, shown.stop
    whole = stop == played.length
    part = type(played)(
        played.seed, played.obs[: stop + 1], played.actions[:stop], played.rewards[:stop],
        played.ended if whole else "running",
    )  # fmt: skip
    return Episode(
        episode=f"e{number}",
        seed=played.seed,
        actions=encoded(part.actions, collector.spec.action),
        length=part.length,
        ended=part.ended,
        policy_sha256=collector.sources[shown.source].sha256,
        obs_sha256=part.obs_sha256,
    )
