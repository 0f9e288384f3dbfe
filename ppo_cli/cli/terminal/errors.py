"""From exceptions to a message on stderr (or a JSON document) and an exit code. The only place that does so.

Exit codes: 0 done, 1 a bug of ours, 2 wrong usage or configuration, 3 diverged, 4 the run is locked, 5 a
corrupt or unsafe file, 74 the disk is full or not writable, 129 / 130 / 143 stopped by a signal.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback
from collections.abc import Sequence
from typing import TextIO

import typer

from ppo_cli.cli.terminal.output import print_json
from ppo_cli.errors import PpoError, StorageError, UsageError
from ppo_cli.report.text import ReaderGoneError, clean, tolerate_any_text

BUG, USAGE, INTERRUPTED = 1, 2, 130
_STORAGE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO}


def run(app: typer.Typer, args: Sequence[str]) -> int:
    """Run a command line and return its exit code; no exception leaves this function.

    Args:
        app: The commands.
        args: The words after ``ppo``. ``--debug`` counts wherever it stands.
    """
    tolerate_any_text()
    own = list(args[: args.index("--")]) if "--" in args else list(args)
    debug = "--debug" in own or os.environ.get("PPO_DEBUG", "") not in ("", "0")
    words = [word for word in own if word != "--debug"] + list(args[len(own) :])
    code = _run(app, words, as_json="--json" in own, debug=debug)
    return _flush(code)


def _run(app: typer.Typer, words: list[str], *, as_json: bool, debug: bool) -> int:
    try:
        code = app(words, prog_name="ppo", standalone_mode=False, obj=words)
        return code if isinstance(code, int) else 0
    except ReaderGoneError:
        _forget(sys.stdout)
        return 0
    except SystemExit as error:  # Typer and Rich leave this way when the reader of their help has gone
        _forget(sys.stdout)
        return 0 if error.code in (None, 0, 1) else USAGE
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BaseException as error:
        described = describe(error)
        if debug:
            show_traceback()
        show(described, as_json=as_json)
        return described.exit_code


def describe(error: BaseException) -> PpoError:
    """Any exception as an error for people."""
    if isinstance(error, PpoError):
        return error
    if isinstance(error, typer.TyperException):  # wrong options and arguments
        message = " ".join(error.format_message().split()).replace("Value error, ", "")
        return _CommandLineError(message, hint="see the command's --help")
    if isinstance(error, OSError) and error.errno in _STORAGE:
        place = f" {error.filename}" if error.filename else ""
        return StorageError(f"cannot read or write{place}: {error.strerror}", file=error.filename)
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):  # torch's own words
        hint = "take fewer members, environments or steps at a time; a stopped run goes on with --resume"
        return UsageError("out of memory", hint=hint)
    return PpoError(
        f"this is a bug of ours: {type(error).__name__}: {error}",
        hint="run the command again with --debug for the traceback, and report it",
    )


class _CommandLineError(PpoError):
    """An unknown command or option, or a value that is not of its type."""

    exit_code = USAGE


def show(error: PpoError, *, as_json: bool) -> None:
    """Print an error: as a JSON document on stdout if that can be written, or as a message on stderr."""
    if as_json:
        with contextlib.suppress(OSError, ReaderGoneError):
            print_json({"error": error.to_json()})
            return
    from rich.text import Text

    from ppo_cli.report.console import stderr_console

    console = stderr_console()
    console.print(Text.assemble(("error: ", "bold red"), clean(error.message)), soft_wrap=True)
    if error.hint:
        console.print(Text.assemble(("hint: ", "bold"), clean(error.hint)), soft_wrap=True)


def show_traceback() -> None:
    """Print the traceback of the exception being handled."""
    from ppo_cli.report.console import stderr_console

    stderr_console().print(clean(traceback.format_exc()), soft_wrap=True)


def _flush(code: int) -> int:
    """Write out what stderr and stdout still hold; say so when stdout fails."""
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
    except (OSError, ValueError):
        _forget(sys.stderr)
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        _forget(sys.stdout)
    except (OSError, ValueError) as error:
        _forget(sys.stdout)
        show(
            StorageError(f"cannot write to stdout: {getattr(error, 'strerror', None) or error}"),
            as_json=False,
        )
        return code or StorageError.exit_code
    return code


def _forget(stream: TextIO) -> None:
    """Send what a stream still holds nowhere: else the interpreter complains about it at its end."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
