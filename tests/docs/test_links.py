"""Links of the documentation lead somewhere, and every page and picture can be reached."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from helpers.pages import PAGES, ROOT, Page

INDEX = ROOT / "docs" / "README.md"
BY_PATH = {page.path: page for page in PAGES}


def target(page: Page, link: str) -> tuple[Path, str]:
    """The file that a link of a page leads to, and the anchor in it."""
    place, _, anchor = link.partition("#")
    return (Path(os.path.normpath(page.path.parent / place)) if place else page.path), anchor


def own_links(page: Page) -> list[str]:
    return [link for link in page.links if "://" not in link]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_of_the_repository(page: Page) -> None:
    assert [link for link in own_links(page) if not target(page, link)[0].exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_anchor_is_a_heading_of_the_page_that_it_leads_to(page: Page) -> None:
    anchored = [(link, *target(page, link)) for link in own_links(page) if "#" in link]
    assert [link for link, path, anchor in anchored if anchor not in BY_PATH[path].anchors] == []


def test_every_page_is_in_the_index() -> None:
    linked = {target(BY_PATH[INDEX], link)[0] for link in BY_PATH[INDEX].links}
    assert [page.name for page in PAGES if page.path != INDEX and page.path not in linked] == []


def test_every_picture_is_shown_or_linked() -> None:
    linked = {target(page, link)[0] for page in PAGES for link in own_links(page)}
    assert [path.name for path in (ROOT / "docs" / "pictures").iterdir() if path not in linked] == []
