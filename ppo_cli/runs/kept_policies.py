"""Policies kept over training, to show how a run learned. No torch.

    policies/step-000000000000.safetensors    the untrained one
    policies/step-000000102400.safetensors    the one after so many environment steps

They follow from the run's seed as its policy does: a resumed run writes the same bytes again.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from ppo_cli.runs.run_dir import RunDir
from ppo_cli.storage.files import corrupt, remove_quietly, storage_errors, sync_folder

_NAME = re.compile(r"step-([0-9]{12,18})\.safetensors", re.ASCII)


@dataclass(frozen=True)
class KeptPolicy:
    """A policy that was kept.

    Attributes:
        steps: Environment steps that the run had trained.
        path: The file.
    """

    steps: int
    path: Path


def keep_due(iteration: int, num_iterations: int, number: int) -> bool:
    """Tell whether one of ``number`` policies falls on an iteration.

    They are evenly spaced from the untrained one (iteration 0) to the last; a single one is the last. Where
    there are fewer iterations than policies, each is kept once.

    >>> [iteration for iteration in range(101) if keep_due(iteration, 100, 5)]
    [0, 25, 50, 75, 100]
    >>> [sum(keep_due(iteration, 97, number) for iteration in range(98)) for number in (0, 1, 2, 10)]
    [0, 1, 2, 10]
    """
    if number < 2:
        return number == 1 and iteration == num_iterations
    spaces = number - 1
    nearest = -(-iteration * spaces // num_iterations)  # the first of them that is not before this iteration
    return nearest * num_iterations // spaces == iteration


def kept_policies(run: RunDir) -> list[KeptPolicy]:
    """The policies that a run has kept, oldest first; by their names, none is opened.

    Raises:
        CorruptFileError: Their folder is a symbolic link or cannot be read.
    """
    folder = run.policies_path
    if folder.is_symlink():
        raise corrupt(folder, "is a symbolic link, and what it leads to may lie anywhere")
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise corrupt(folder, f"cannot be read: {error.strerror}") from error
    matches = [match for name in names if (match := _NAME.fullmatch(name))]
    return sorted(
        (KeptPolicy(int(match[1]), folder / match[0]) for match in matches), key=lambda policy: policy.steps
    )


def new_kept_path(run: RunDir, steps: int) -> Path:
    """Make the path at which the policy after so many steps is written, and its folder.

    Args:
        run: The run; the caller holds its lock.
        steps: Environment steps so far.

    Raises:
        StorageError: The folder cannot be made.
        CorruptFileError: A symbolic link is in its place.
    """
    folder = run.policies_path
    with storage_errors(folder), contextlib.suppress(FileExistsError):
        os.mkdir(folder)
        sync_folder(run.path)
    if folder.is_symlink():  # would lead out of the run folder
        raise corrupt(folder, "is a symbolic link and is not written through")
    return folder / f"step-{steps:012d}.safetensors"


def forget_kept_after(run: RunDir, steps: int) -> None:
    """Remove what a run kept after the checkpoint from which it goes on: it trains that part again.

    Args:
        run: The run; the caller holds its lock.
        steps: Environment steps at the checkpoint.

    Raises:
        CorruptFileError: Their folder is a symbolic link or cannot be read.
    """
    for policy in kept_policies(run):
        if policy.steps > steps:
            remove_quietly(policy.path)
