"""The library that pages need: Bokeh, which is an extra and brings Jinja2."""

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
