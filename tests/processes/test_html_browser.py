"""The page of ``ppo report`` in a real browser: it loads, its charts answer, tables sort, it fits a phone.

The browser is the system's Chromium or Chrome. Where there is none these tests are skipped, with a warning.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from helpers.cli_runner import inside
from helpers.html_runs import HOSTILE, write_gif, write_run, write_seeds, write_sweep
from helpers.waiting import PATIENCE, wait_until

from ppo_cli.html.content import Cell, Column, Report, Table
from ppo_cli.html.page import render_page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
if BROWSER is None:
    warnings.warn(
        "NO BROWSER FOUND: the pages of `ppo report` were not opened in any; install chromium to test them",
        stacklevel=1,
    )
    pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed", allow_module_level=True)

sync_api = pytest.importorskip("playwright.sync_api")

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}


@dataclass
class Opened:
    """A page in the browser, with all that it asked for and complained about."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def model(self, chart: str, name: str, attribute: str) -> Any:
        """An attribute of one of Bokeh's models, by the names of the chart and of the model."""
        found = "Bokeh.documents.find((doc) => doc.roots()[0].name === chart).get_model_by_name(name)"
        return self.page.evaluate(
            f"([chart, name, attribute]) => {found}[attribute]", [chart, name, attribute]
        )

    def top_left(self, chart: str) -> tuple[float, float]:
        """Where a chart begins, scrolled into view."""
        self.page.locator(f"#{chart}").scroll_into_view_if_needed()
        box = self.page.locator(f"#{chart}").bounding_box()
        return box["x"], box["y"]

    def tooltip(self) -> str:
        """What the tooltip says that is shown."""
        content = "(tooltip) => tooltip.shadowRoot.querySelector('.bk-tooltip-content').innerText"
        return self.page.locator(".bk-Tooltip:visible").first.evaluate(content)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"], timeout=1000 * PATIENCE
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages about a sweep, two groups and a run, with names as hostile as can be."""
    folder = tmp_path_factory.mktemp("pages")
    runs = folder / "runs"
    write_sweep(runs, "eps_clip=0.1,0.2,0.3")
    write_seeds(runs, "plain", (200.0, 210.0, 205.0))
    write_seeds(runs, "shaped", (230.0, 221.0, 226.0), terms=("distance", "legs"))
    single = write_run(
        runs / "lander-s1", reason=HOSTILE[2], command=HOSTILE[0], env_kwargs={"x": HOSTILE[1]}
    )
    write_gif(single / "render.gif")
    made = {}
    named = (f"{HOSTILE[0].replace('/', '')}=plain", "shaped")
    for name, words in (
        ("sweep", ("study",)),
        ("groups", named),
        ("run", ("lander-s1", "--title", HOSTILE[2])),
    ):
        made[name] = folder / f"{name}.html"
        result = inside("report", *words, "--output", str(made[name]), cwd=folder)
        assert result.code == 0, result.stderr
    return made


def opened(browser: Any, path: Path, **context: Any) -> Opened:
    """Open a page from disk and wait until its charts are drawn."""
    page = browser.new_context(offline=True, **context).new_page()
    page.set_default_timeout(1000 * PATIENCE)
    found = Opened(page)
    page.on("request", lambda request: found.requests.append(request.url))
    page.on(
        "console", lambda message: found.complaints.append(message.text) if message.type != "log" else None
    )
    page.on("pageerror", lambda error: found.complaints.append(str(error)))
    page.on("dialog", lambda dialog: (found.complaints.append(dialog.message), dialog.dismiss()))
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-charts=drawn]")
    return found


@pytest.mark.parametrize("name", ["run", "groups", "sweep"])
def test_it_loads_from_disk_without_a_complaint_and_asks_for_nothing(
    name: str, browser: Any, pages: dict[str, Path]
) -> None:
    found = opened(browser, pages[name])
    found.page.wait_for_timeout(200)
    assert found.complaints == []
    asked = [url for url in found.requests if not url.startswith(("file://", "data:", "blob:"))]
    assert asked == [] and found.requests.count(pages[name].as_uri()) == 1


def test_hovering_shows_the_values_of_every_group(browser: Any, pages: dict[str, Path]) -> None:
    found = opened(browser, pages["groups"], viewport={"width": 1100, "height": 900})
    x, y = found.top_left("curves")
    found.page.mouse.move(x + 500, y + 200)
    found.page.mouse.move(x + 520, y + 210, steps=4)
    found.page.wait_for_selector(".bk-Tooltip:visible")
    text = found.tooltip()
    assert "steps" in text and "shaped" in text and "<script>" in text, "names are shown as they are"
    assert " to " in text, "the mean comes with its interval"


def test_hovering_over_a_seed_of_a_sweep_shows_its_return(browser: Any, pages: dict[str, Path]) -> None:
    found = opened(browser, pages["sweep"], viewport={"width": 1100, "height": 900})
    found.top_left("sensitivity-1")
    place = found.page.evaluate(
        """() => {
          const doc = Bokeh.documents.find((doc) => doc.roots()[0].name === "sensitivity-1");
          const plot = doc.roots()[0], seeds = doc.get_model_by_name("seeds").data_source.data;
          const view = Bokeh.index.find_one(plot), frame = view.frame;
          const box = view.canvas_view.el.getBoundingClientRect();
          return [box.x + frame.x_scale.compute(seeds.x[0]), box.y + frame.y_scale.compute(seeds.y[0])];
        }"""
    )
    found.page.mouse.move(place[0] - 3, place[1])
    found.page.mouse.move(place[0], place[1], steps=3)
    found.page.wait_for_selector(".bk-Tooltip:visible")
    assert "eps_clip = 0.1" in found.tooltip() and "return" in found.tooltip()


def test_the_legend_hides_a_curve_with_its_band_and_seeds(browser: Any, pages: dict[str, Path]) -> None:
    found = opened(browser, pages["groups"])
    parts = ("mean-1", "band-1", "seeds-1")
    assert all(found.model("curves", part, "visible") for part in parts)
    before = found.page.locator("#curves").screenshot()
    found.page.locator("#curves-legend").get_by_label("shaped").uncheck()
    assert not any(found.model("curves", part, "visible") for part in parts)
    assert found.model("curves", "mean-0", "visible")
    wait_until(lambda: found.page.locator("#curves").screenshot() != before, "another picture")
    found.page.locator("#show-seeds").uncheck()
    assert found.model("curves", "mean-0", "visible") and not found.model("curves", "seeds-0", "visible")


def test_another_metric_brings_its_own_axis_and_values(browser: Any, pages: dict[str, Path]) -> None:
    found = opened(browser, pages["groups"])
    plot = "Bokeh.documents[0].roots()[0]"
    read = f"() => [{plot}.left[0].axis_label.text, {plot}.y_range.end]"
    label, end = found.page.evaluate(read)
    assert label == "evaluation while training" and end > 100
    found.page.select_option("#metric", label="train/entropy")
    wait_until(lambda: found.page.evaluate(read)[0] == "train/entropy", "the name of the entropy")
    wait_until(lambda: 1.0 < found.page.evaluate(read)[1] < 2.0, "the range of the entropy")
    assert "how random it is" in found.page.locator("#meaning").inner_text()


def test_the_terms_of_the_reward_are_drawn_for_groups_that_have_them(
    browser: Any, pages: dict[str, Path]
) -> None:
    found = opened(browser, pages["groups"])
    assert found.page.locator("#terms-series option").all_inner_texts() == ["shaped"]
    last = "() => Array.from(Bokeh.documents[1].get_model_by_name('means').data.mean1).at(-1)"
    assert found.page.evaluate(last) == pytest.approx(-1 / 14, rel=1e-3)
    found.page.locator("#terms-legend").get_by_label("reward/legs").uncheck()
    assert found.model("terms", "mean-0", "visible") and not found.model("terms", "mean-1", "visible")


def first_cells(found: Opened, caption: str) -> list[str]:
    rows = found.page.locator("table", has=found.page.locator("caption", has_text=caption)).locator(
        "tbody th"
    )
    return rows.all_inner_texts()


def test_a_click_or_a_key_on_a_header_sorts_by_number_both_ways(browser: Any, pages: dict[str, Path]) -> None:
    found = opened(browser, pages["sweep"])
    table = found.page.locator("table", has=found.page.locator("caption", has_text="Points"))
    table.get_by_role("button", name="mean", exact=True).click()
    assert [row[:14] for row in first_cells(found, "Points")] == [
        "eps_clip = 0.3",
        "eps_clip = 0.1",
        "eps_clip = 0.2",
    ]
    header = table.locator("th", has_text="mean").first
    assert header.get_attribute("aria-sort") == "ascending"
    table.get_by_role("button", name="mean", exact=True).press("Enter")
    assert first_cells(found, "Points")[0].startswith("eps_clip = 0.2")
    assert header.get_attribute("aria-sort") == "descending"
    table.get_by_role("button", name="point").press("Space")
    assert first_cells(found, "Points")[0].startswith("eps_clip = 0.1")


def test_numbers_sort_by_value_and_what_is_not_there_stays_last(browser: Any, tmp_path: Path) -> None:
    keys = (3.0, float("nan"), -20.0, 1200.0, -3.0)
    rows = tuple((Cell(name), Cell(f"about {key}", key)) for name, key in zip("abcde", keys, strict=True))
    table = Table("Numbers", (Column("name"), Column("value", True)), rows)
    (tmp_path / "page.html").write_bytes(render_page(Report("page", (), "", (), (table,))))
    found = opened(browser, tmp_path / "page.html")
    for order in ("ceadb", "daecb"):
        found.page.get_by_role("button", name="value").click()
        assert "".join(first_cells(found, "Numbers")) == order


def test_dark_and_light_follow_the_reader_also_while_the_page_is_open(
    browser: Any, pages: dict[str, Path]
) -> None:
    found = opened(browser, pages["sweep"], color_scheme="light")
    body = "() => getComputedStyle(document.body).backgroundColor"
    axis = "() => Bokeh.documents[1].roots()[0].left[0].major_label_text_color"
    line = "() => Bokeh.documents[1].get_model_by_name('mean-0').glyph.line_color.value"
    light = [found.page.evaluate(script) for script in (body, axis, line)]
    found.page.emulate_media(color_scheme="dark")
    fresh = opened(browser, pages["sweep"], color_scheme="dark")
    dark = [fresh.page.evaluate(script) for script in (body, axis, line)]
    assert not set(light) & set(dark)
    for script, color in zip((body, axis, line), dark, strict=True):
        wait_until(lambda: found.page.evaluate(script) == color, "a color for the dark")  # noqa: B023


@pytest.mark.parametrize("name", ["run", "groups", "sweep"])
def test_on_a_phone_the_page_never_scrolls_sideways(name: str, browser: Any, pages: dict[str, Path]) -> None:
    found = opened(browser, pages[name], **PHONE)
    for details in found.page.locator("details:not([open]) > summary").all():
        details.click()
    wide, shown = found.page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
    assert wide <= shown == 360
    drawn = "() => document.getElementById('curves').firstElementChild.getBoundingClientRect().width"
    assert 250 < found.page.evaluate(drawn) <= found.page.locator("#curves").bounding_box()["width"]
    assert found.page.evaluate("() => Bokeh.documents[0].roots()[0].toolbar.active_drag") is None


def test_a_smuggled_script_would_not_run_even_unescaped(
    browser: Any, pages: dict[str, Path], tmp_path: Path
) -> None:
    text = pages["run"].read_text(encoding="utf-8")
    broken = tmp_path / "broken.html"
    smuggled = "<script>document.title = 'pwned'</script><img src='https://example.org/x.png' alt=''>"
    broken.write_text(text.replace("<main>", f"<main>{smuggled}"), encoding="utf-8")
    found = opened(browser, broken)
    assert found.page.title() != "pwned"
    assert any("Content Security Policy" in complaint for complaint in found.complaints)
