"""The place of an exported policy, and what its format needs: asked before any work is done."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from ppo_cli.errors import UsageError, not_installed
from ppo_cli.storage.output_path import check_folder_of, check_new_file

To = Literal["onnx", "sb3", "numpy", "card"]

_IMPORTED = ("argparse", "base64", "numpy", "gymnasium")  # by the file of --to numpy
CARD_FILES = ("README.md", "config.yaml", "policy.py", "policy.safetensors", "replay.gif", "results.json")


@dataclass(frozen=True)
class Format:
    """A format to export to.

    Attributes:
        name: The file or folder in the run folder, by default.
        library: What it needs besides the dependencies; empty for nothing.
        extra: The extra that brings the library.
    """

    name: str
    library: str = ""
    extra: str = ""

    @property
    def suffix(self) -> str:
        """The ending of its files; empty for a folder."""
        return Path(self.name).suffix


FORMATS: dict[To, Format] = {
    "onnx": Format("policy.onnx", "onnx", "onnx"),
    "sb3": Format("policy_sb3.zip", "stable_baselines3", "sb3"),
    "numpy": Format("policy.py"),
    "card": Format("card"),
}


def output_path(run: Path, to: To, *, best: bool) -> Path:
    """The place by default: ``policy.onnx`` in the run folder, or ``best_policy.onnx``."""
    return run / f"{'best_' if best else ''}{FORMATS[to].name}"


def require_library(to: To) -> None:
    """Refuse early what could not be written later.

    Raises:
        UsageError: The library of a format is not installed.
    """
    library, extra = FORMATS[to].library, FORMATS[to].extra
    if library and find_spec(library) is None:
        raise not_installed(f"--to {to} needs {library}", extra)


def check_output(path: Path, to: To, *, force: bool) -> None:
    """Refuse an output that cannot be written.

    Args:
        path: The file or folder to be.
        to: Its format.
        force: Whether what is there may be replaced: a file, or a folder that holds a card and nothing else.

    Raises:
        UsageError: It exists, has another ending than its format's, or its parent folder does not exist.
        StorageError: Its parent folder cannot be written.
    """
    suffix = FORMATS[to].suffix
    if suffix and path.suffix.lower() != suffix:
        hint = f"let its name end in {suffix}"
        raise UsageError(f"{path}: what --to {to} writes is a {suffix} file", hint=hint, file=path)
    if to == "numpy" and path.stem in _IMPORTED:
        hint = "choose another --output"
        raise UsageError(f"{path} would import itself in place of {path.stem}", hint=hint, file=path)
    if to != "card":
        check_new_file(path, force=force)
        return
    check_folder_of(path)
    if os.path.lexists(path):
        _check_card(path, force=force)


def _check_card(path: Path, *, force: bool) -> None:
    """Refuse to replace what is no card."""
    if path.is_symlink() or not path.is_dir():
        raise UsageError(f"{path} exists and is not a folder", hint="choose another --output", file=path)
    foreign = sorted(set(os.listdir(path)) - set(CARD_FILES))
    if foreign:
        raise UsageError(
            f"{path} is a folder that holds other things than a card: {', '.join(foreign[:3])}",
            hint="choose another --output: nothing of yours is deleted",
            file=path,
        )
    if not force:
        raise UsageError(
            f"{path} exists already", hint="--force replaces it; --output chooses another", file=path
        )
