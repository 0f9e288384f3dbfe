"""Charts as documents."""

from __future__ import annotations

import json
import re

from ppo_cli.html.bokeh_parts import chart_item, new_figure


def test_equal_charts_have_equal_documents_however_many_came_before() -> None:
    items = [json.dumps(chart_item(new_figure(x_label="x", y_label="y"), "here")) for _ in range(2)]
    assert items[0] == items[1]
    assert not re.search(r'"p\d{4}"', items[0]), "no id of Bokeh's counter is left"
