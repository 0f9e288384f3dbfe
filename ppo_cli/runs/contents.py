"""The files of a run folder, and what each is for."""

from __future__ import annotations

from pathlib import Path

_MEANINGS = {
    "config.yaml": "settings; `ppo train --config` repeats the run",
    "metrics.csv": "one row per iteration",
    "monitor.csv": "one row per training episode",
    "eval.csv": "one row per evaluation",
    "policy.safetensors": "the last policy",
    "best_policy.safetensors": "the policy with the best evaluation",
    "reference.safetensors": "the policy that the run stays near, copied when it began",
    "reward_model.safetensors": "the reward model that the run learned from, copied when it began",
    "summary.json": "status and results",
    "render.gif": "an episode of the policy, by `ppo render`",
    "render.mp4": "an episode of the policy, by `ppo render`",
    "progress.gif": "how the run learned, by `ppo render --progress`",
    "policies": "kept over training, for `ppo render --progress`",
    "report.html": "a page about the run, by `ppo report`",
    "policy.onnx": "the last policy as an ONNX model, by `ppo export`",
    "best_policy.onnx": "the best policy as an ONNX model, by `ppo export`",
    "policy_sb3.zip": "the last policy for Stable-Baselines3, by `ppo export`",
    "best_policy_sb3.zip": "the best policy for Stable-Baselines3, by `ppo export`",
    "policy.py": "the last policy in one file of NumPy, by `ppo export`",
    "best_policy.py": "the best policy in one file of NumPy, by `ppo export`",
    "card": "a model card, by `ppo export`",
    "best_card": "a model card of the best policy, by `ppo export`",
    "checkpoints": "training state for `ppo train --resume`",
}


def folder_contents(folder: Path) -> list[tuple[str, int, str]]:
    """Name, bytes and meaning of what lies in a run folder; links are not followed."""
    rows = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        inside = [path] if path.is_symlink() or not path.is_dir() else list(path.rglob("*"))
        num_bytes = sum(item.lstat().st_size for item in inside if item.is_symlink() or item.is_file())
        name = f"{path.name}/" if path.is_dir() and not path.is_symlink() else path.name
        meaning = "TensorBoard events" if "tfevents" in path.name else _MEANINGS.get(path.name, "")
        rows.append((name, num_bytes, meaning))
    return rows
