"""The page: a report in its template, with its scripts, its style and its data inside.

The page forbids itself the network, and every script but its own, which it names by their hashes: what the
name of a run smuggles in would not be run even if it were not escaped.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from ppo_cli.html.content import Report
from ppo_cli.report.text import clean
from ppo_cli.version import __version__


def render_page(report: Report) -> bytes:
    """The page of a report: equal reports give equal bytes."""
    from ppo_cli.html.bokeh_parts import bokeh_script
    from ppo_cli.html.charts import curves_chart, terms_chart

    curves = dict(report.curves or {})
    terms = [metric["name"] for metric in curves["metrics"] if metric["isTerm"]] if curves else []
    items = [dict(chart.item) for chart in report.sensitivity]
    if curves:
        items.append(curves_chart(len(curves["series"]), report.threshold, "curves"))
    if terms:
        items.append(terms_chart(len(terms), "terms"))
    scripts = [bokeh_script(), _asset("page.js")] if items else [_asset("page.js")]
    page = _environment().from_string(_asset("page.html.j2"))
    text = page.render(
        report=report,
        curves=curves,
        has_seeds=bool(curves) and any(len(line["seeds"]) > 1 for line in curves["series"]),
        terms=terms,
        terms_of=_series_with_terms(curves) if curves else [],
        policy=_policy(scripts),
        scripts=[Markup(script) for script in scripts],  # ours and Bokeh's
        style=Markup(_asset("style.css")),
        data=_json({"curves": curves or None, "charts": items}),
        version=__version__,
    )
    return text.encode()


def _series_with_terms(curves: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Number and name of the groups that have logged terms of their reward."""
    places = [place for place, metric in enumerate(curves["metrics"]) if metric["isTerm"]]
    series = enumerate(curves["series"])
    return [(index, line["name"]) for index, line in series if any(line["curves"][place] for place in places)]


def _environment() -> Environment:
    return Environment(
        autoescape=True, finalize=_cleaned, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def _cleaned(value: Any) -> Any:
    """Texts without control and invisible characters; Jinja2 escapes them after this."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _policy(scripts: Sequence[str]) -> str:
    """The Content-Security-Policy: nothing but these scripts, and styles and pictures of the page."""
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def _json(document: Mapping[str, Any]) -> Markup:
    """Data inside a script element: JSON in which no tag begins, so that none can end the element."""
    text = json.dumps(_clean_texts(document), allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("&", "\\u0026"))


def _clean_texts(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {key: _clean_texts(item) for key, item in value.items()}
    return [_clean_texts(item) for item in value] if isinstance(value, list | tuple) else value


def _asset(name: str) -> str:
    return resources.files("ppo_cli.html").joinpath(name).read_text(encoding="utf-8")
