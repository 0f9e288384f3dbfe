"""The views of a training: live, plain and quiet."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from helpers.terminal import calls_of
from helpers.training_reports import member, report
from helpers.waiting import wait_until
from rich.console import Console

from ppo_cli.report import progress, tracker
from ppo_cli.report.console import can_animate, stderr_console
from ppo_cli.report.progress import LiveView, PlainView, QuietView, make_view


def plain_view() -> tuple[PlainView, io.StringIO]:
    stream = io.StringIO()
    return PlainView(Console(file=stream, width=200, markup=False), "CartPole-v1 [/x]"), stream


def test_the_plain_view_prints_a_line_at_each_tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker, "time", SimpleNamespace(monotonic=lambda: 1.0))  # it takes no time
    view, stream = plain_view()
    view.start()
    for step in range(1000, 100_001, 1000):
        view.update(report(step=step))
    view.stop()
    lines = stream.getvalue().splitlines()
    assert lines[0] == "CartPole-v1 [/x]"
    assert len(lines) == 12
    assert lines[-1].startswith("100%") and "return 123" in lines[-1] and "evaluation 480" in lines[-1]


def test_the_plain_view_prints_every_notice_once() -> None:
    view, stream = plain_view()
    view.update(report(notices=("checkpoint [x] is damaged",)))
    view.update(report())
    assert stream.getvalue().count("checkpoint [x] is damaged") == 1


def test_the_quiet_view_prints_notices_and_nothing_else() -> None:
    stream = io.StringIO()
    view = QuietView(Console(file=stream, width=20, markup=False))
    view.start()
    view.notice("said before [/x] it starts")
    view.update(report(notices=("checkpoint [x] is damaged",)))
    view.update(report())
    view.stop()
    assert stream.getvalue() == "said before [/x] it starts\ncheckpoint [x] is damaged\n"


def test_the_live_view_draws_notices_above_and_leaves_only_them() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=80, height=24, force_terminal=True, color_system=None, markup=False)
    view = LiveView(console, "title [/x]", lambda: True)
    view.start()
    view.update(report(notices=("a notice [/y]",)))
    wait_until(lambda: "50,000/100,000" in stream.getvalue())
    view.stop()
    view.stop()
    text = stream.getvalue()
    assert (
        "title [/x]" in text and "a notice [/y]" in text and "50,000/100,000" in text and "stopping" in text
    )
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def test_updating_the_live_view_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is called in the training loop; a thread draws."""
    view = LiveView(Console(file=io.StringIO(), width=80, force_terminal=True), "title", lambda: False)
    monkeypatch.setattr(progress, "dashboard", lambda *args, **options: pytest.fail("it was drawn"))
    update = report(*(member() for _ in range(8)))
    assert calls_of(lambda: view.update(update)) < 100


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}, {"TERM": "xterm", "CI": "true"}, {"TERM": ""}])
def test_nothing_is_animated_where_it_cannot_be(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    monkeypatch.setattr("ppo_cli.report.console.is_terminal", lambda stream: True)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert can_animate()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert not can_animate()
    assert isinstance(make_view("title", quiet=False, stopping=lambda: False), PlainView)
    assert isinstance(make_view("title", quiet=True, stopping=lambda: False), QuietView)


class BrokenStream(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(5, "the terminal is gone")


def test_a_stderr_that_cannot_be_written_does_not_stop_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", BrokenStream())
    view = PlainView(stderr_console(), "title")
    view.start()
    view.update(report())
    monkeypatch.setattr("sys.stderr", None)
    stderr_console().print("into nothing")
