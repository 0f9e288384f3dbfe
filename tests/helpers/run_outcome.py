"""Everything in a run folder that does not depend on the clock, to compare two runs to the bit."""

from __future__ import annotations

import csv
import json
import struct
from pathlib import Path
from typing import Any

from ppo_cli.runs.checkpoints import Checkpoint, load_latest_checkpoint
from ppo_cli.runs.run_dir import RunDir

CLOCK_COLUMNS = frozenset({"time/wall_time", "time/steps_per_second", "t"})
CLOCK_META = frozenset({"wall_time", "log_sizes"})  # the length of a CSV depends on its times' digits
RESULTS = ("env_id", "algorithm", "seed", "status", "reason", "global_step", "total_timesteps", "eval")


def outcome(run: Path) -> dict[str, Any]:
    """What a run came to, by a name for each part."""
    summary = json.loads((run / "summary.json").read_text())
    found: dict[str, Any] = {f"summary {key}": summary[key] for key in RESULTS}
    found["summary best"] = summary["best_eval_during_training"]
    for name in ("policy.safetensors", "best_policy.safetensors"):
        found[name] = (run / name).read_bytes() if (run / name).exists() else None
    for name in ("metrics.csv", "monitor.csv", "eval.csv"):
        found[name] = csv_rows(run / name)
    found["events"] = [event_body(r) for r in event_records(run)]
    found["files"] = sorted(path.name for path in run.iterdir())
    found["half-written files"] = sorted(str(p) for p in run.rglob("*") if "tmp" in p.name)
    checkpoint = newest_checkpoint(run)
    found |= {f"checkpoint {k}": (a.dtype, a.shape, a.tobytes()) for k, a in checkpoint.tensors.items()}
    found |= {f"meta {key}": value for key, value in checkpoint.meta.items() if key not in CLOCK_META}
    return found | {"checkpoint iteration": checkpoint.iteration}


def assert_same_outcome(run: Path, undisturbed: dict[str, Any]) -> None:
    """The run ended as the undisturbed one did, bit for bit, and left nothing half written."""
    found = outcome(run)
    different = sorted(
        key for key in found.keys() | undisturbed.keys() if found.get(key) != undisturbed.get(key)
    )
    assert not different, f"{run} differs from the undisturbed run in {different}"
    assert found["half-written files"] == []


def newest_checkpoint(run: Path) -> Checkpoint:
    """The newest checkpoint, which is to be whole."""
    warnings: list[str] = []
    checkpoint = load_latest_checkpoint(RunDir(run), warnings.append)
    assert checkpoint is not None and warnings == []
    return checkpoint


def csv_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file without the columns that tell the time."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return [
        {key: value for key, value in row.items() if key not in CLOCK_COLUMNS}
        for row in csv.DictReader(lines)
    ]


def event_records(run: Path) -> list[bytes]:
    """The records of the TensorBoard file after its first, which only tells when it was begun."""
    path = run / "events.out.tfevents.ppo"
    data = path.read_bytes() if path.exists() else b""
    records = []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        records.append(data[12 : 12 + length])
        data = data[16 + length :]
    return [record for record in records[1:] if b"time/" not in record]


def event_body(record: bytes) -> bytes:
    """A record without its wall time, the double that it begins with."""
    assert record[0] == 0x09  # field 1, 64 bits
    return record[9:]
