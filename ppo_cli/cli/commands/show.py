"""``ppo show``: one run's settings, results and files, or what a sweep came to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppo_cli.cli.terminal import options
from ppo_cli.cli.terminal.options import DEFAULT_RUNS_DIR
from ppo_cli.cli.terminal.output import print_json

if TYPE_CHECKING:
    pass

_MEANINGS = {
    "config.yaml": "settings; `ppo train --config` repeats the run",
    "metrics.csv": "one row per iteration",
    "monitor.csv": "one row per training episode",
    "eval.csv": "one row per evaluation",
    "policy.safetensors": "the last policy",
    "best_policy.safetensors": "the policy with the best evaluation",
    "reference.safetensors": "the policy that the run is held to, copied when it began",
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


def show_command(
    run: options.RunArgument, runs_dir: options.RunsDir = DEFAULT_RUNS_DIR, json: options.Json = False
) -> None:
    r"""Show a run: results, settings that differ from their defaults, files; or a sweep and what it says.

    \b
    Examples:
      ppo show latest
      ppo show CartPole-v1-ppo-clip-s1 --json
      ppo show LunarLander-v3-eps_clip
    """
    from ppo_cli.cli.runs import describe_run
    from ppo_cli.cli.sweeps import find_run_or_sweep, show_sweep
    from ppo_cli.config.values import changed_settings, used_settings
    from ppo_cli.report.console import is_unicode, stdout_console
    from ppo_cli.report.tables import evaluation_table, files_table, settings_table
    from ppo_cli.runs.reading import read_config
    from ppo_cli.sweep.results.sweep_dir import SweepDir

    found = find_run_or_sweep(runs_dir, run)
    if isinstance(found, SweepDir):
        show_sweep(found, as_json=json)
        return
    config = read_config(found)
    document = describe_run(found)
    differences = changed_settings(config)
    files = list(files_of(found.path))
    if json:
        differs = {setting.path: value for setting, value in differences}
        listed = [{"name": name, "bytes": num_bytes} for name, num_bytes, _ in files]
        print_json(
            {**document, "config": used_settings(config), "differs_from_default": differs, "files": listed}
        )
        return
    console = stdout_console()
    console.print(evaluation_table(results_of(document, unicode=is_unicode(console))))
    console.print()
    rows = [(setting.path, written(value), written(setting.default)) for setting, value in differences]
    console.print(settings_table(rows))
    console.print()
    console.print(files_table(files))


def results_of(document: dict[str, Any], *, unicode: bool = True) -> list[tuple[str, object]]:
    """What a run's document tells, as names and values."""
    from ppo_cli.report.numbers import as_number, count, duration, number
    from ppo_cli.report.tables import eval_text, mapping, status_cell

    evaluation = mapping(document.get("eval"))
    best = as_number(document.get("best_eval_during_training"))
    episodes = count(as_number(evaluation.get("episodes")))
    rows = [
        ("run", document["run_dir"]),
        ("environment", document.get("env_id")),
        ("algorithm", document.get("algorithm")),
        ("seed", document.get("seed")),
        ("status", status_cell(document.get("status"))),
        ("reason", document.get("reason")),
        ("steps", count(as_number(document.get("global_step")))),
        ("time", duration(as_number(document.get("wall_time")))),
        ("steps per second", count(as_number(document.get("steps_per_second")))),
        ("evaluation", f"{eval_text(evaluation, unicode=unicode)} over {episodes} episodes"),
        ("best evaluation", None if best is None else number(best)),
        ("command", document.get("command")),
    ]
    return [
        (name, value) for name, value in rows if value is not None and (name != "evaluation" or evaluation)
    ]


def written(value: Any) -> str:
    """A value as the YAML files hold it."""
    from ppo_cli.config.dump import yaml_text
    from ppo_cli.config.settings import REQUIRED

    return REQUIRED if value == REQUIRED else yaml_text(value)


def files_of(folder: Path) -> list[tuple[str, int, str]]:
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
