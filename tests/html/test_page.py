"""The page itself: nothing of users becomes markup, no network, no script but its own."""

from __future__ import annotations

import html
import json
from importlib import resources
from pathlib import Path

import pytest
from helpers.html_pages import Page, report_on
from helpers.html_runs import HOSTILE, write_run

from ppo_cli.html.content import Card, Cell, Column, Command, Picture, Report, Table
from ppo_cli.html.page import render_page


def hostile_report(text: str) -> Report:
    """A report in which every text is hostile."""
    cells = (Cell(text), Cell(text, 1.0, "bad"))
    table = Table(text, (Column(text), Column(text, True)), (cells, cells), text)
    curves = {
        "steps": [1, 2],
        "metrics": [
            {"name": text, "meaning": text, "isTerm": False, "isReturn": True},
            {"name": f"reward/{text}", "meaning": text, "isTerm": True, "isReturn": False},
        ],
        "series": [{"name": text, "seeds": [1], "curves": [{"mean": [1, 2]}, {"mean": [1, 2]}]}],
    }
    return Report(
        title=text, about=(text,), verdict=text, cards=(Card(text, text, text),), results=(table,),
        curves=curves, curves_notes=(text,), pictures=(Picture(text, "data:image/gif;base64,"),),
        pictures_note=text, settings=(table,), commands=(Command(text, text),), versions=(table,),
        warnings=(text,),
    )  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_user_becomes_markup_anywhere(text: str) -> None:
    plain, page = (
        Page(render_page(hostile_report(attributes)).decode()) for attributes in ("harmless", text)
    )
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain.elements]
    assert [set(attributes) for _, attributes in page.elements] == [
        set(attributes) for _, attributes in plain.elements
    ], "no new attribute"
    assert len(page.scripts) == len(plain.scripts) and page.scripts[1:] == plain.scripts[1:]
    assert " ".join(text.split()) in page.text
    assert page.data["curves"]["series"][0]["name"] == text, "inside JSON too it is what it was"


def test_hostile_names_of_settings_reasons_and_commands_are_text(runs_dir: Path) -> None:
    text = HOSTILE[0]
    write_run(runs_dir / "a-s1", command=text, env_kwargs={"note": HOSTILE[2]})
    write_run(runs_dir / "a-s2", seed=2, status="diverged", reason=text, env_kwargs={"note": HOSTILE[2]})
    page = report_on("a", "--title", HOSTILE[1], cwd=runs_dir.parent)
    assert page.text.count(text) >= 2
    assert HOSTILE[2] in page.text and HOSTILE[1] in page.text
    assert not [
        attributes for _, attributes in page.elements if any(name.startswith("on") for name in attributes)
    ]
    assert len(page.scripts) == 3
    assert all(attributes.get("src") != "x" for attributes in page.all("img"))


def test_control_characters_are_visible_and_cannot_turn_text_around() -> None:
    page = Page(render_page(hostile_report("run\u202egnp.exe\x1b[2J")).decode())
    assert "\u202e" not in page.text and "\x1b" not in page.text
    assert "run\\u202egnp.exe\\x1b[2J" in page.text
    assert "\u202e" not in json.dumps(page.data, ensure_ascii=False)


def test_the_page_forbids_itself_the_network_and_every_script_but_its_own(runs_dir: Path) -> None:
    write_run(runs_dir / "lander-s1")
    page = report_on("lander-s1", cwd=runs_dir.parent)
    (policy,) = [attributes["content"] for attributes in page.all("meta") if "http-equiv" in attributes]
    assert policy.startswith("default-src 'none'")
    assert "unsafe-eval" not in policy and "'unsafe-inline'" not in policy.partition("style-src")[0]
    assert policy.count("'sha256-") == len(page.scripts) - 1, "all scripts but the data"
    links = [
        attributes for _, attributes in page.elements if set(attributes) & {"src", "href", "srcset", "action"}
    ]
    assert all(attributes.get("src", "").startswith("data:") for attributes in links)


def test_what_the_page_is_made_of_is_part_of_the_package() -> None:
    files = {file.name for file in resources.files("ppo_cli.html").iterdir()}
    assert {"page.html.j2", "page.js", "style.css"} <= files


def test_quotes_in_attributes_are_escaped() -> None:
    page = render_page(hostile_report('"><b>')).decode()
    assert html.escape('"><b>') in page or "&#34;&gt;&lt;b&gt;" in page
    assert '"><b>' not in page.replace(page[page.index('id="data"') :], "")
