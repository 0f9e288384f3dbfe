"""What is wrong with a run is said wherever it is looked at."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from helpers.cli_runner import Result, inside

ILL = (
    "train", "--env", "CartPole-v1", "--seeds", "2", "--name", "ill", "--total-timesteps", "5120",
    "--set", "num_envs=4", "--set", "num_steps=32", "--set", "num_minibatches=2", "--set", "num_epochs=2",
    "--set", "num_evals=0", "--set", "final_eval_episodes=2", "--set", "hidden_sizes=[8]",
    "--set", "learning_rate=1e-9",
    "--set", "critic_learning_rate=0.003",
)  # fmt: skip
SENTENCE = "The policy does not move: the learning rate is 1e-09."
EVIDENCE, REMEDY = "against max_grad_norm", "a learning_rate of 1e-4 to 1e-3"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    folder = tmp_path_factory.mktemp("ill")
    return folder, inside(*ILL, cwd=folder)


@pytest.fixture
def place(trained: tuple[Path, Result], tmp_path: Path) -> Path:
    shutil.copytree(trained[0] / "runs", tmp_path / "runs")
    return tmp_path


def test_it_is_said_while_it_trains_and_at_the_end(trained: tuple[Path, Result]) -> None:
    lines = trained[1].stderr.splitlines()
    last = max(number for number, line in enumerate(lines) if line.startswith("100%"))
    said = [number for number, line in enumerate(lines) if SENTENCE in line]
    assert len(said) == 2 and said[0] < last < said[1], trained[1].stderr
    assert "ill-s1" in lines[said[0]] and EVIDENCE in lines[said[0]] and REMEDY in lines[said[0]]
    assert lines[said[1]].startswith("2 of 2 runs: ")
    assert EVIDENCE in lines[said[1] + 1] and REMEDY in lines[said[1] + 2]


def test_show_explains_it_with_its_numbers(place: Path) -> None:
    text = inside("show", "ill-s1", cwd=place).stdout
    assert all(words in text for words in (SENTENCE, EVIDENCE, REMEDY))
    finding = inside("show", "ill-s1", "--json", cwd=place).json["diagnosis"][0]
    assert finding["name"] == "policy_does_not_move" and finding["sentence"] == SENTENCE
    assert EVIDENCE in finding["evidence"] and REMEDY in finding["try"]


@pytest.mark.parametrize("subject", ["ill-s1", "ill"])
def test_a_report_says_it_above_the_verdict(subject: str, place: Path) -> None:
    result = inside("report", subject, "--no-gifs", "--output", "page.html", "--json", cwd=place)
    page = (place / "page.html").read_text()
    assert page.index(SENTENCE) < page.index('<h2 id="verdict-title">')
    assert any(SENTENCE in warning for warning in result.json["warnings"])


def test_compare_says_it_with_the_group(place: Path) -> None:
    shutil.copytree(place / "runs" / "ill-s1", place / "runs" / "other")
    result = inside("compare", "other", "ill", cwd=place)
    assert f"warning: ill, 2 of 2 runs: {SENTENCE}" in result.stderr, result.stderr
    document = inside("compare", "other", "ill", "--json", cwd=place).json
    runs = [run for group in document["groups"] for run in group["runs"]]
    assert [run["diagnosis"][0]["name"] for run in runs] == ["policy_does_not_move"] * 3


def test_the_document_of_a_training_has_it(tmp_path: Path) -> None:
    runs = inside(*ILL, "-q", "--json", cwd=tmp_path).json["runs"]
    assert [run["diagnosis"][0]["name"] for run in runs] == ["policy_does_not_move"] * 2
