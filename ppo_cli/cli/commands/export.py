"""``ppo export``: a trained policy for other programs, or for a stranger."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ppo_cli.cli.terminal import options
from ppo_cli.cli.terminal.options import DEFAULT_RUNS_DIR
from ppo_cli.cli.terminal.output import print_json

if TYPE_CHECKING:
    from ppo_cli.config.schema import RunConfig
    from ppo_cli.export.exporting import Exported
    from ppo_cli.runs.run_dir import RunDir

To = Annotated[
    Literal["onnx", "sb3", "numpy", "card"],
    typer.Option("--to", help="The format: card is a folder for Hugging Face.", show_default=False),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="PATH", help="The file, or the card's folder (default: in the run folder)."
    ),
]
Best = Annotated[
    bool, typer.Option("--best/--last", help="The policy with the best evaluation, or the last one.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace the file or card if it exists.")]

_PLAYING = ("sb3", "card")  # formats for which the environment is made
_HOW_TO_USE = {
    "onnx": "onnxruntime.InferenceSession({path!r}).run(None, {{'observations': obs}})",
    "sb3": "stable_baselines3.PPO.load({path!r})",
    "numpy": "python {quoted}",
    "card": "hf upload YOUR_NAME/MODEL_NAME {quoted}",
}


def export_command(
    run: options.RunArgument,
    to: To,
    output: Output = None,
    best: Best = False,
    force: Force = False,
    runs_dir: options.RunsDir = DEFAULT_RUNS_DIR,
    allow_import: options.AllowImport = False,
    json: options.Json = False,
) -> None:
    r"""Write a trained policy for other programs, with what it needs inside.

    \b
      onnx    a graph from raw observations to actions        policy.onnx
      sb3     a PPO model of Stable-Baselines3                policy_sb3.zip
      numpy   one Python file that needs NumPy alone          policy.py
      card    a model card with results, GIF and policy       card/

    \b
    Examples:
      ppo export latest --to onnx
      ppo export LunarLander-v3-ppo-clip-s1 --to card --best --output lander
    """
    from ppo_cli.envs.consent import agree_to_run
    from ppo_cli.export.output import check_output, output_path, require_library
    from ppo_cli.runs.reading import read_config
    from ppo_cli.runs.run_dir import find_run

    require_library(to)
    folder = find_run(runs_dir, run)
    config = read_config(folder)
    if to in _PLAYING:
        agree_to_run(config, allow_import=allow_import, folder=folder.path)
    path = output or output_path(folder.path, to, best=best)
    check_output(path, to, force=force)
    exported = _exported(folder, config, to, path, best=best)
    _write(path, exported)
    about = {
        "run_dir": str(folder.path),
        "env_id": config.env_id,
        "to": to,
        "policy": "best" if best else "last",
    }
    _report(about, path, exported, json=json)


def _exported(run: RunDir, config: RunConfig, to: str, path: Path, *, best: bool) -> Exported:
    from ppo_cli.export import exporting

    if to == "onnx":
        return exporting.export_onnx(run, config, best=best)
    if to == "numpy":
        return exporting.export_numpy(run, config, best=best, module=path.stem)
    from ppo_cli.cli.terminal.progress_bar import progress_bar

    with progress_bar() as on_progress:
        make = exporting.export_sb3 if to == "sb3" else exporting.export_card
        return make(run, config, best=best, on_progress=on_progress)


def _write(path: Path, exported: Exported) -> None:
    from ppo_cli.export.output import CARD_FILES
    from ppo_cli.storage.files import atomic_write
    from ppo_cli.storage.whole_folder import write_folder

    if "" in exported.files:
        atomic_write(path, exported.files[""])
    else:
        write_folder(path, exported.files.items(), CARD_FILES.__contains__)


def _report(about: dict[str, Any], path: Path, exported: Exported, *, json: bool) -> None:
    from ppo_cli.report.console import stderr_console, stdout_console
    from ppo_cli.report.numbers import size
    from ppo_cli.report.tables import evaluation_table
    from ppo_cli.report.text import clean

    for notice in exported.notices:
        stderr_console().print(clean(notice), soft_wrap=True)
    files = {name: len(data) for name, data in exported.files.items()}
    if json:
        listed = [{"name": name or path.name, "bytes": num_bytes} for name, num_bytes in files.items()]
        document = {**about, "path": str(path), "bytes": sum(files.values()), "files": listed}
        print_json({**document, "notices": list(exported.notices)})
        return
    use = _HOW_TO_USE[about["to"]].format(path=str(path), quoted=shlex.quote(str(path)))
    rows = [
        ("environment", about["env_id"]),
        ("policy", about["policy"]),
        ("folder" if "" not in files else "file", str(path)),
        ("size", size(sum(files.values()))),
        ("use", use),
    ]
    stdout_console().print(evaluation_table(rows))
