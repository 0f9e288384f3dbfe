"""A preference set as tensors: its clips played again, checked, and seen as a reward model sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppo_cli.config.preference_settings import PreferenceSettings
from ppo_cli.errors import CorruptFileError, UsageError
from ppo_cli.preferences.folder import Notice, PreferenceDir
from ppo_cli.preferences.playing import Played, replay
from ppo_cli.preferences.records import Clip, Comparison, Episode
from ppo_cli.rewards.inputs import Inputs, Transitions
from ppo_cli.spaces import EnvSpec


@dataclass(frozen=True)
class PairData:
    """Comparisons that say something, N of them, as tensors.

    Attributes:
        comparisons: The answers, oldest first.
        seen: The transitions of both clips, filled up to L by repeating the last, ``[N, 2, L, ...]``.
        mask: False for fillers, ``[N, 2, L]`` bool.
        preference: How much better ``a`` is, ``[N]``: 1, one half or 0.
        part_from: The first step in which the clips differ, ``[N]``; 0 where they begin differently.
        spec: The environment.
        num_lines: Comparisons of the set that stand, those included that say nothing.
    """

    comparisons: tuple[Comparison, ...]
    seen: Transitions
    mask: Tensor
    preference: Tensor
    part_from: Tensor
    spec: EnvSpec
    num_lines: int

    def __len__(self) -> int:
        """N."""
        return len(self.comparisons)

    def first(self, count: int) -> PairData:
        """The oldest ``count`` comparisons."""
        return self.pick(torch.arange(min(count, len(self))))

    def pick(self, index: Tensor) -> PairData:
        """Some of them."""
        seen = Transitions(*(values[index] for values in vars(self.seen).values()))
        return replace(
            self,
            comparisons=tuple(self.comparisons[number] for number in index.tolist()),
            seen=seen,
            mask=self.mask[index],
            preference=self.preference[index],
            part_from=self.part_from[index],
        )

    def inputs(self) -> Inputs:
        """How observations are scaled: by all that is seen in these clips."""
        real = self.mask.flatten()
        flat = [values.flatten(0, 2)[real] for values in (self.seen.obs, self.seen.next_obs)]
        return Inputs.of(*flat)

    @property
    def returns(self) -> np.ndarray | None:
        """What the teacher summed for each clip, ``[N, 2]``; None where it is not known of all."""
        known = [one.returns for one in self.comparisons]
        return None if not known or any(value is None for value in known) else np.array(known)


def load_pairs(folder: PreferenceDir, spec: EnvSpec, notice: Notice = lambda _: None) -> PairData:
    """The comparisons of a set, with their clips played again.

    Raises:
        UsageError: Nothing in it says which clip is better.
        CorruptFileError: It is damaged, or an episode is not what it was.
    """
    torch.set_num_threads(1)  # networks this small gain nothing by more
    settings, episodes = folder.settings(), folder.episodes(notice)
    lines = folder.comparisons(notice)
    answers = [one for one in lines if one.preference is not None]
    if not answers:
        raise UsageError(
            f"{folder.name} has no comparison that says which clip is better",
            hint=f"ppo prefer RUN --name {folder.name} --pairs 300",
            file=folder.comparisons_path,
        )
    needed = _needed(folder, answers, episodes, settings)
    played = dict(
        zip([one.episode for one in needed], replay(needed, spec, settings.env_kwargs), strict=True)
    )
    clips = [
        [_clip(played[clip.episode], clip, settings.length) for clip in (one.a, one.b)] for one in answers
    ]
    stacked = {
        name: torch.from_numpy(np.stack([[clip[name] for clip in pair] for pair in clips]))
        for name in clips[0][0]
    }
    mask = stacked.pop("mask")
    seen = Transitions(**stacked)
    return PairData(
        comparisons=tuple(answers),
        seen=seen,
        mask=mask,
        preference=torch.tensor([one.preference for one in answers]),
        part_from=_part_from(seen),
        spec=spec,
        num_lines=len(lines),
    )


def _needed(
    folder: PreferenceDir,
    answers: Sequence[Comparison],
    episodes: dict[str, Episode],
    settings: PreferenceSettings,
) -> list[Episode]:
    """The episodes that the clips are of, each once.

    Raises:
        CorruptFileError: One is not there, a clip goes beyond it, or is shorter than it may be.
    """
    names: dict[str, Episode] = {}
    for one in answers:
        for clip in (one.a, one.b):
            episode = episodes.get(clip.episode)
            if episode is None:
                raise _wrong(folder, one, f"{clip.episode} is not in {folder.episodes_path.name}")
            if clip.stop > episode.length:
                raise _wrong(folder, one, f"{clip.episode} has {episode.length} steps, and not {clip.stop}")
            ended = clip.stop == episode.length and episode.ended == "terminated"
            if clip.length > settings.length or (clip.length < settings.length and not ended):
                raise _wrong(folder, one, f"a clip of {clip.length} steps, and not {settings.length}")
            names[clip.episode] = episode
    return list(names.values())


def _wrong(folder: PreferenceDir, one: Comparison, what: str) -> CorruptFileError:
    return CorruptFileError(
        f"{folder.comparisons_path}, comparison {one.id}: {what}",
        hint=f"take it back: ppo prefer --name {folder.name} --undo {one.id}",
        file=folder.comparisons_path,
    )


def _clip(played: Played, clip: Clip, length: int) -> dict[str, Any]:
    """The arrays of a clip, filled up to ``length`` by repeating its last step."""
    rows = np.minimum(np.arange(length), clip.length - 1) + clip.start
    terminated = (rows == played.length - 1) & (played.ended == "terminated")
    return {
        "obs": played.obs[rows],
        "actions": played.actions[rows],
        "next_obs": played.obs[rows + 1],
        "terminated": terminated,
        "mask": np.arange(length) < clip.length,
    }


def _part_from(seen: Transitions) -> Tensor:  # [N]
    """The first step in which two clips differ; 0 where they begin in different states or never part."""
    same = (seen.next_obs[:, 0] == seen.next_obs[:, 1]).all(-1)
    same &= (seen.obs[:, 0] == seen.obs[:, 1]).all(-1)  # [N, L]
    differs = ~same
    first = differs.float().argmax(-1)
    return first.where(differs.any(-1), 0)
