"""The nodes of a Ray: which have processors for jobs, whether they run this program and see the folder."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ppo_cli.errors import UsageError
from ppo_cli.storage.files import remove_quietly, storage_errors
from ppo_cli.sweeps.work.ray.starting import in_short
from ppo_cli.version import __version__

ANSWER_SECONDS = 60.0
"""How long a node may take to answer; the first answer waits for a Python to start."""

_LOOK_SECONDS = 5.0  # for a shared file system to show a new file
_LOOK_AGAIN_SECONDS = 0.1


def useful_nodes(ray: Any) -> list[dict[str, Any]]:
    """The nodes that have a processor for a job.

    Raises:
        UsageError: There is none.
    """
    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
    if not nodes:
        raise UsageError("the Ray cluster has no processors", hint="start a node: ray start --address=...")
    return nodes


def check_nodes(ray: Any, nodes: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """Check that each node runs this program and sees the folder.

    Raises:
        UsageError: One does not.
        StorageError: The folder cannot be written.
    """
    marker = folder / f".ray-{secrets.token_hex(8)}"
    with storage_errors(marker):
        marker.touch()
    try:
        look = ray.remote(num_cpus=0, max_retries=0)(_look)
        tasks = [look.options(scheduling_strategy=on_node(ray, node["NodeID"])) for node in nodes]
        question = (str(marker), __version__, _LOOK_SECONDS)
        asked = {task.remote(*question): node for task, node in zip(tasks, nodes, strict=True)}
        answered, _ = ray.wait(list(asked), num_returns=len(asked), timeout=ANSWER_SECONDS)
        for ref, node in asked.items():
            problem = _answer(ray, ref) if ref in answered else f"did not answer for {ANSWER_SECONDS:g} s"
            if problem:
                raise UsageError(
                    f"the Ray node {node['NodeManagerAddress']} {problem}",
                    hint="all nodes need the same ppo-cli, and --runs-dir on a file system that they share",
                )
    finally:
        remove_quietly(marker)


def on_node(ray: Any, node_id: str) -> Any:
    """The scheduling strategy for a task that belongs on one node."""
    return ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node_id, soft=False)


def _answer(ray: Any, ref: Any) -> str:
    try:
        return str(ray.get(ref))
    except ray.exceptions.RayError as error:
        return f"cannot run ppo-cli: {in_short(error)}"


def _look(marker: str, version: str, seconds: float) -> str:
    """Say what keeps this node from taking part in the sweep of a folder with this file; empty if nothing."""
    if version != __version__:
        return f"has ppo-cli {__version__}, and here it is {version}"
    deadline = time.monotonic() + seconds
    while not os.path.exists(marker):
        if time.monotonic() > deadline:
            return f"does not see {os.path.dirname(marker)}"
        time.sleep(_LOOK_AGAIN_SECONDS)
    if not os.access(os.path.dirname(marker), os.W_OK):
        return f"may not write to {os.path.dirname(marker)}"
    return ""
