"""The JSON documents of the documentation are those that ``ppo`` prints: every promised key is there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.cli_runner import TINY, inside
from helpers.pages import PAGES
from helpers.sweep_helpers import sweep, tiny_spec

PAGE = next(page for page in PAGES if page.name == "docs/reference/json.md")
# Mappings whose keys are the user's.
OPEN = {"point", "params", "config_diff"}


def examples() -> Iterator[tuple[str, Any]]:
    """The headings of the page with the documents below them."""
    for part in re.split(r"(?m)^## ", PAGE.text)[1:]:
        heading = part.partition("\n")[0]
        for text in re.findall(r"(?s)```json\n(.*?)```", part):
            yield heading, json.loads(text)


EXAMPLES = list(examples())


def missing(example: Any, real: Any, path: str = "") -> list[str]:
    """The keys of an example that a real document lacks."""
    if isinstance(example, dict) and isinstance(real, dict):
        found = [f"{path}.{key}" for key in example if key not in real]
        for key in example.keys() & real.keys() - OPEN:
            found += missing(example[key], real[key], f"{path}.{key}")
        return found
    if isinstance(example, list) and example and isinstance(real, list):
        return missing(example[0], real[0], f"{path}[0]") if real else [f"{path} is empty"]
    return []


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What the commands print, by the headings of the page."""
    folder = tmp_path_factory.mktemp("documents")
    (folder / "runs").mkdir()

    def printed(*words: str) -> Any:
        result = inside(*words, "--json", cwd=folder)
        assert result.code == 0 or "error" in result.json, result.stderr
        return result.json

    trained = printed("train", *TINY, "--name", "run", "--quiet")
    sweep(tiny_spec("eps_clip=0.1,0.2", confirm=1), folder / "runs", name="study")
    return {
        "An error": [printed("train", "--env", "CartPole-v1", "--set", "clip_range=0.3")],
        "A run": [trained["runs"][0]],
        "ppo train": [trained],
        "ppo eval": [printed("eval", "run", "--episodes", "2")],
        "ppo sweep": [printed("show", "study")],
        "ppo compare": [printed("compare", "study")],
        "ppo list, ppo show": [printed("list"), printed("show", "run")],
        "ppo prefer, ppo reward-model": [
            printed(
                "prefer", "--random", "--env", "Pendulum-v1", "--name", "mine", "--pairs", "20", "--quiet"
            ),
            printed("reward-model", "mine", "--set", "max_epochs=2"),
        ],
        "ppo render, ppo report, ppo export": [
            printed("render", "run"),
            printed("report", "run"),
            printed("export", "run", "--to", "numpy"),
        ],
        "ppo envs, ppo algorithms, ppo config, ppo doctor": [
            printed("envs"),
            printed("algorithms"),
            printed("config", "--env", "CartPole-v1"),
            printed("doctor"),
        ],
        "--dry-run": [
            printed("train", *TINY, "--dry-run"),
            printed("sweep", "--env", "CartPole-v1", "--param", "eps_clip", "--dry-run"),
        ],
    }


def test_every_heading_with_an_example_is_tried(documents: dict[str, list[Any]]) -> None:
    shown = [heading for heading, _ in EXAMPLES]
    assert {heading: shown.count(heading) for heading in shown} == {
        heading: len(real) for heading, real in documents.items()
    }


def test_a_document_has_every_key_that_is_promised(documents: dict[str, list[Any]]) -> None:
    real = {heading: iter(printed) for heading, printed in documents.items()}
    lost = {heading: missing(example, next(real[heading])) for heading, example in EXAMPLES}
    assert {heading: keys for heading, keys in lost.items() if keys} == {}


def test_a_lost_key_is_noticed() -> None:
    assert missing({"runs": [{"seed": 1}]}, {"runs": [{}]}) == [".runs[0].seed"]
