"""The command line: a table of contents.

Each command is a small file that imports its workflow when it runs, so that ``ppo --help`` stays fast.
"""

from __future__ import annotations

import inspect
import os
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Annotated, NoReturn

import typer

from ppo_cli.cli.commands.algorithms import algorithms_command
from ppo_cli.cli.commands.compare import compare_command
from ppo_cli.cli.commands.config import config_command
from ppo_cli.cli.commands.doctor import doctor_command
from ppo_cli.cli.commands.envs import envs_command
from ppo_cli.cli.commands.eval import eval_command
from ppo_cli.cli.commands.export import export_command
from ppo_cli.cli.commands.list import list_command
from ppo_cli.cli.commands.prefer import prefer_command
from ppo_cli.cli.commands.render import render_command
from ppo_cli.cli.commands.report import report_command
from ppo_cli.cli.commands.reward_model import reward_model_command
from ppo_cli.cli.commands.show import show_command
from ppo_cli.cli.commands.sweep import sweep_command
from ppo_cli.cli.commands.train import train_command
from ppo_cli.cli.terminal.errors import run
from ppo_cli.cli.terminal.output import write_stdout
from ppo_cli.config.algorithms import ALGORITHMS
from ppo_cli.envs.leftovers import end_children
from ppo_cli.report.results_stream import apart
from ppo_cli.version import __version__

# Plain help: Typer's Rich help imports a Markdown parser and doubles the time of `ppo --help`.
app = typer.Typer(
    name="ppo",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS: dict[str, Callable[..., None]] = {
    "train": train_command,
    "sweep": sweep_command,
    "eval": eval_command,
    "compare": compare_command,
    "render": render_command,
    "export": export_command,
    "report": report_command,
    "prefer": prefer_command,
    "reward-model": reward_model_command,
    "list": list_command,
    "show": show_command,
    "envs": envs_command,
    "algorithms": algorithms_command,
    "config": config_command,
    "doctor": doctor_command,
}


def _help(function: Callable[..., None]) -> str:
    r"""The help text of a command: its docstring, in which ``\b`` keeps a paragraph's lines as they are."""
    return inspect.cleandoc(function.__doc__ or "").replace("\\b", "\b")


for _name, _function in COMMANDS.items():
    app.command(_name, help=_help(_function))(apart(_function))

Version = Annotated[bool, typer.Option("--version", help="Print the version.")]
Debug = Annotated[
    bool, typer.Option("--debug", help="Show the traceback of an error; PPO_DEBUG=1 does it too.")
]


def ppo(ctx: typer.Context, version: Version = False, debug: Debug = False) -> None:
    r"""Train, study and understand PPO on classic control.

    \b
    Start here:
      ppo train --env CartPole-v1     some seconds
      ppo train --env LunarLander-v2  about a minute
      ppo sweep --env CartPole-v1 --param learning_rate
      ppo algorithms                  {algorithms}
      ppo eval latest
      ppo compare RUN_OR_SWEEP...     which is better, and how sure that is
      ppo render latest               a GIF of an episode
      ppo report latest               all about it, as a page
      ppo prefer latest --name mine   which clip is better: rewards from preferences
      ppo export latest --to numpy    a file of Python that needs NumPy alone
      ppo list

    Results go to stdout, progress and notices to stderr; --json prints one JSON document.

    \b
    Exit codes:
      0 done                            1 a bug of ours
      2 wrong usage or configuration    3 the run diverged
      4 another process writes the run  5 a corrupt or unsafe file
      6 a sweep ended with failed runs
      74 disk full or not writable      130, 143 stopped by SIGINT, SIGTERM
    """
    if version:
        write_stdout(f"ppo {__version__}\n")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        write_stdout(f"{ctx.get_help()}\n")


app.callback(invoke_without_command=True, help=_help(ppo).format(algorithms=", ".join(ALGORITHMS)))(ppo)


def main(args: Sequence[str] | None = None) -> None:
    """Run ``ppo`` and exit.

    Args:
        args: The words after ``ppo``; by default those of the process.
    """
    code = run(app, sys.argv[1:] if args is None else args)
    _leave(code)


def _leave(code: int) -> NoReturn:
    """Exit, even where an environment has left threads or processes behind that never end."""
    end_children()
    threads = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    if any(thread.is_alive() and not thread.daemon for thread in threads):
        os._exit(code)  # all that is ours has been flushed
    sys.exit(code)
