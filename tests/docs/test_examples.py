"""The examples in the documentation work."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.cli_runner import TINY, inside
from helpers.pages import PAGES, README, Block
from helpers.sweep_helpers import train_in_process
from helpers.sweep_specs import spec_from

FILES = {block.file_name: block for page in PAGES for block in page.blocks if block.file_name}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with every file that the documentation shows."""
    for name, block in FILES.items():
        (tmp_path / name).write_text(block.text, encoding="utf-8")
        monkeypatch.delitem(sys.modules, Path(name).stem, raising=False)  # of another test
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def python_block(text: str) -> Block:
    return next(
        block for page in PAGES for block in page.blocks if block.language == "python" and text in block.text
    )


def test_the_shaping_example_trains_with_its_term(folder: Path) -> None:
    shaping = ("mode=add", "terms=my_terms:terms", "custom.upright=0.5")
    options = [word for setting in shaping for word in ("--set", f"reward_shaping.{setting}")]
    result = inside("train", *TINY, *options, "--name", "run", "--quiet", cwd=folder)
    assert result.code == 0, result.stderr
    assert "reward/upright" in (folder / "runs" / "run" / "metrics.csv").read_text().splitlines()[0]


def test_the_environment_of_the_guide_trains(folder: Path) -> None:
    result = inside("train", *TINY, "--env", "corridor:Corridor-v0", "--json", "--quiet", cwd=folder)
    assert result.code == 0, result.stderr
    assert result.json["runs"][0]["status"] == "completed"


def test_the_settings_file_of_the_guide_stands_on_the_tuned_settings(folder: Path) -> None:
    result = inside("config", "--env", "CartPole-v1", "--config", "wide.yaml", "--json", cwd=folder)
    assert result.code == 0, result.stderr
    assert result.json["config"]["network"]["hidden_sizes"] == [128, 128]
    assert result.json["config"]["learning"]["num_epochs"] == 6, "as tuned"


def test_the_sweep_file_of_the_guide_is_a_sweep(folder: Path) -> None:
    spec, notices = spec_from(sweep_file=folder / "steps.yaml")
    assert notices == ()
    assert (spec.num_points, spec.num_seeds) == (4, 3)


def test_the_python_example_plays(folder: Path) -> None:
    assert inside("train", *TINY, "--name", "LunarLander-v3-ppo-clip-s1", "--quiet", cwd=folder).code == 0
    names = {"observation": np.zeros(4, dtype=np.float32)}
    exec(python_block("load_policy(").text, names)
    assert names["action"] in (0, 1)


def test_the_python_example_trains_compares_evaluates_and_studies(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    train_in_process(monkeypatch)
    exec(python_block("train(").text.replace("20_000", "1_000"), {})
    verdict, *runs, sentence = capsys.readouterr().out.splitlines()
    assert "narrow" in verdict and "wide" in verdict
    shown = [line.split()[:2] for line in runs if line.startswith("wide")]
    assert shown == [
        ["wide-s1", "0.98"],
        ["wide-s2", "0.98"],
    ]
    assert sentence.startswith("Compared with the ") and "2 seeds each" in sentence


def test_the_front_page_shows_a_gif() -> None:
    gifs = [link for link in README.links if link.endswith(".gif")]
    assert gifs
    assert (README.path.parent / gifs[0]).read_bytes().startswith(b"GIF89a")
