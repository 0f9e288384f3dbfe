"""Opening the folder of a sweep: a new one, or the one that the same words made before."""

from __future__ import annotations

import re
from pathlib import Path

from ppo_cli.errors import UsageError
from ppo_cli.runs.names import check_run_name, numbered
from ppo_cli.sweeps.folder.sharing import disagreements, merge, surplus
from ppo_cli.sweeps.folder.sweep_dir import SweepDir, create_sweep_dir
from ppo_cli.sweeps.folder.sweep_yaml import dump_spec, read_spec
from ppo_cli.sweeps.spec.checks import check_spec
from ppo_cli.sweeps.spec.sweep_spec import SweepSpec

_NAME_LENGTH = 80


def open_sweep(spec: SweepSpec, runs_dir: Path, name: str | None) -> tuple[SweepDir, SweepSpec, list[str]]:
    """Make the folder of a sweep, or find the one that it goes on in. Two processes at once get the same one.

    A folder fits when it holds a sweep of the same settings over the same parameters; new values, seeds and
    trials are added to it.

    Args:
        spec: What is to be swept.
        runs_dir: The directory of all runs and sweeps.
        name: The folder's name; None for the default, with ``-2`` and so on where another sweep has it.

    Returns:
        The folder, what is swept in it, and what the user should know.

    Raises:
        UsageError: The name is taken by something else, or no name.
        StorageError: The folder cannot be made.
        CorruptFileError: Its ``sweep.yaml`` is damaged.
    """
    wanted = check_run_name(name or default_name(spec))
    number = 0
    while True:
        number += 1
        folder = SweepDir(runs_dir / numbered(wanted, number))
        if not folder.spec_path.exists() and _make(folder, spec):
            return folder, spec, []
        refusal = _refusal(folder, spec)  # of what was there, or was made a moment ago
        if refusal is None:
            return _going_on(folder, spec)
        if name is not None:
            raise refusal


def default_name(spec: SweepSpec) -> str:
    """The name of a sweep that was given none, as in ``LunarLander-v3-eps_clip``."""
    words = [*([] if len(spec.env_ids) > 1 else [spec.base.env_id]), *(param.name for param in spec.params)]
    words += [] if spec.search == "grid" else [spec.search]
    clean = re.sub(r"[^A-Za-z0-9._+=@-]+", "-", "-".join(words)).lstrip("._+=@-") or "sweep"
    return clean[:_NAME_LENGTH].rstrip(".")


def _make(folder: SweepDir, spec: SweepSpec) -> bool:
    """Make a sweep's folder; False when something has its name."""
    check_spec(spec)
    try:
        create_sweep_dir(folder.path.parent, folder.name, exact=True, spec=dump_spec(spec))
    except UsageError:
        return False
    return True


def _refusal(folder: SweepDir, spec: SweepSpec) -> UsageError | None:
    """Why the sweep cannot go on in a folder; None when it can."""
    if not folder.spec_path.exists():
        return UsageError(f"{folder.path} exists and is no sweep", hint="choose another --name")
    differences = disagreements(read_spec(folder.spec_path), spec)
    if not differences:
        return None
    return UsageError(
        f"{folder.path} holds another sweep: {differences[0]}",
        hint=f"choose another --name; what it holds stands in {folder.spec_path}",
        file=folder.spec_path,
    )


def _going_on(folder: SweepDir, spec: SweepSpec) -> tuple[SweepDir, SweepSpec, list[str]]:
    """Merge a sweep with the one that its folder holds; returns both and what the user should know."""
    before = read_spec(folder.spec_path)
    merged = merge(before, spec)
    check_spec(merged)
    notices = [f"{folder.name} is there: what it holds is not trained again"]
    if len(merged.points()) * merged.num_seeds > len(spec.points()) * spec.num_seeds:
        notices.append(f"it also holds {surplus(before, spec)}")
    return folder, merged, notices
