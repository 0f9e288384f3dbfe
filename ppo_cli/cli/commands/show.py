"""``ppo show``: one run's settings, results and files, or what a sweep came to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppo_cli.cli.terminal import options
from ppo_cli.cli.terminal.options import DEFAULT_RUNS_DIR
from ppo_cli.cli.terminal.output import print_json

if TYPE_CHECKING:
    from ppo_cli.runs.run_dir import RunDir


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
    from ppo_cli.cli.sweeping.results import show_sweep_folder
    from ppo_cli.sweeps.folder.sweep_dir import SweepDir, find_run_or_sweep

    folder = find_run_or_sweep(runs_dir, run)
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

    findings = [finding.to_json() for finding in diagnose_run(run)]
    config, document, files = read_config(run), describe_run(run), folder_contents(run.path)
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
