"""``ppo show``: one run's settings, results and files; or what a sweep or a preference set came to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppo_cli.cli.terminal import options
from ppo_cli.cli.terminal.options import DEFAULT_RUNS_DIR
from ppo_cli.cli.terminal.output import print_json
from ppo_cli.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from ppo_cli.runs.run_dir import RunDir


def show_command(
    run: options.RunArgument, runs_dir: options.RunsDir = DEFAULT_RUNS_DIR, json: options.Json = False
) -> None:
    r"""Show a run: results, settings that differ from their defaults, files; or a sweep, or a preference set.

    \b
    Examples:
      ppo show latest
      ppo show CartPole-v1-ppo-clip-s1 --json
      ppo show LunarLander-v3-eps_clip
    """
    from ppo_cli.cli.sweeping.results import show_sweep_folder
    from ppo_cli.sweeps.folder.sweep_dir import SweepDir, find_run_or_sweep

    try:
        folder = find_run_or_sweep(runs_dir, run)
    except UsageError:
        if not _show_preferences(run, runs_dir, as_json=json):
            raise
        return
    if isinstance(folder, SweepDir):
        show_sweep_folder(folder, as_json=json)
    else:
        _show_run(folder, as_json=json)


def _show_run(run: RunDir, *, as_json: bool) -> None:
    """Print results, settings and files of a run."""
    from ppo_cli.config.dump import yaml_text
    from ppo_cli.config.values import changed_settings, used_settings
    from ppo_cli.diagnosis.diagnose import diagnose_run
    from ppo_cli.report.console import is_unicode, stdout_console
    from ppo_cli.report.tables import evaluation_table, files_table, run_rows, settings_table
    from ppo_cli.report.text import clean
    from ppo_cli.runs.contents import folder_contents
    from ppo_cli.runs.reading import describe_run, read_config

    config, document, files = read_config(run), describe_run(run), folder_contents(run.path)
    findings = [finding.to_json() for finding in diagnose_run(run, config)]
    changes = changed_settings(config)
    if as_json:
        differs = {setting.path: value for setting, value in changes}
        listed = [{"name": name, "bytes": num_bytes} for name, num_bytes, _ in files]
        about = {
            "config": used_settings(config),
            "differs_from_default": differs,
            "files": listed,
            "diagnosis": findings,
        }
        print_json({**document, **about})
        return
    console = stdout_console()
    console.print(evaluation_table(run_rows(document, unicode=is_unicode(console))))
    console.print()
    for finding in findings:
        lines = (finding["sentence"], f"  {finding['evidence']}", f"  try {finding['try']}", "")
        console.print(clean("\n".join(lines)), soft_wrap=True)
    rows = [(setting.path, yaml_text(value), yaml_text(setting.default)) for setting, value in changes]
    console.print(settings_table(rows))
    console.print()
    console.print(files_table(files))


def _show_preferences(ref: str, runs_dir: Path, *, as_json: bool) -> bool:
    """Print what a preference set is and which fits it has; False where there is no such set."""
    from ppo_cli.preferences.describing import describe_set, fits_of
    from ppo_cli.preferences.folder import find_preferences
    from ppo_cli.report.console import stderr_console, stdout_console
    from ppo_cli.report.preferences import fits_table, set_rows
    from ppo_cli.report.tables import evaluation_table

    try:
        folder = find_preferences(runs_dir, ref)
    except UsageError:
        return False
    document = describe_set(folder, lambda text: stderr_console().print(text, soft_wrap=True, markup=False))
    document["fits"] = fits_of(folder)
    if as_json:
        print_json(document)
        return True
    console = stdout_console()
    console.print(evaluation_table(set_rows(document)))
    if document["fits"]:
        console.print()
        console.print(fits_table(document["fits"]))
    return True
