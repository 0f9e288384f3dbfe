"""``ppo report``: one self-contained HTML page about a run, groups of runs or a sweep. The home of Bokeh.

The way of the data: folders are read into a :class:`~ppo_cli.html.content.Report` (``story``,
``sweep_story``), which is plain text and numbers; ``page`` puts it into the template. Text of users and files
is escaped there, by Jinja2, in every place; inside scripts it is JSON that no tag can end. No torch.
"""

from __future__ import annotations

from ppo_cli.errors import not_installed


def require_bokeh() -> None:
    """Refuse early what could not be drawn later.

    Raises:
        UsageError: Bokeh is not installed.
    """
    try:
        import bokeh  # noqa: F401
    except ImportError as error:
        raise not_installed("reports need Bokeh", "html") from error
