"""A model card: what the Hub reads, what people read, and a folder that is there whole or not at all."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
import yaml
from helpers.export_policies import ORIGIN

from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.export.model_card import Card, front_matter, readme, results_json
from ppo_cli.export.origin import Origin

CONFIG = with_values(RunConfig(env_id="LunarLander-v3"), {"eps_clip": 0.3})


LANDER = replace(ORIGIN, env_id="LunarLander-v3", run="LunarLander-v3-ppo-clip-s1")


def card(origin: Origin = LANDER, config: RunConfig = CONFIG, **changes: Any) -> Card:
    assert origin.evaluation is not None
    made = Card(origin, origin.evaluation, config, {"versions": {"torch": "2.13.0"}}, 200.0, "An episode.")
    return replace(made, **changes)


def metadata(text: str) -> dict[str, Any]:
    """The front matter, as the Hub reads it."""
    empty, front, _ = text.split("---\n", 2)
    assert empty == ""
    document: dict[str, Any] = yaml.safe_load(front)
    return document


def test_the_front_matter_has_the_tags_and_the_reward_that_the_hub_reads() -> None:
    document = metadata(readme(card()))
    assert document["tags"] == [
        "LunarLander-v3",
        "deep-reinforcement-learning",
        "reinforcement-learning",
        "ppo",
        "custom-implementation",
    ]
    assert "library_name" not in document
    (model,) = document["model-index"]
    assert model["name"] == "LunarLander-v3-ppo-clip-s1"
    (result,) = model["results"]
    assert result["task"] == {"type": "reinforcement-learning", "name": "reinforcement-learning"}
    assert result["dataset"] == {"name": "LunarLander-v3", "type": "LunarLander-v3"}
    assert result["metrics"] == [
        {"type": "mean_reward", "value": "12.50 +/- 1.25", "name": "mean_reward", "verified": False}
    ]


def test_results_json_has_the_keys_of_the_hubs_tools() -> None:
    assert results_json(card()) == {
        "env_id": "LunarLander-v3",
        "mean_reward": 12.5,
        "std_reward": 1.25,
        "mean_reward_ci95": [12.25, 12.75],
        "is_deterministic": True,
        "n_eval_episodes": 100,
        "eval_datetime": "2026-01-02T03:04:05+00:00",
    }


def test_the_text_tells_results_settings_and_commands() -> None:
    text = readme(card())
    assert "# PPO on LunarLander-v3" in text
    assert "| mean return | **12.50** |" in text
    assert "| 95 % interval | 12.25 to 12.75 |" in text
    assert "| counts as solved from | 200 |" in text
    assert "| `learning.eps_clip` | `0.3` | `0.2` |" in text
    assert "learning.gamma" not in text, "that one is at its default"
    assert "ppo eval ." in text and "ppo train --config config.yaml" in text
    assert "replay.gif" in text and "torch 2.13.0" in text
    assert "replay.gif" not in readme(card(replay=None))


def test_a_shaped_reward_is_admitted() -> None:
    shaped = with_values(CONFIG, {"reward_shaping.mode": "replace", "reward_shaping.distance": 1.0})
    assert "Training saw a shaped reward (replace)" in readme(card(config=shaped))
    assert "shaped" not in readme(card())


def test_an_environment_of_ones_own_is_named_without_its_module_and_needs_consent() -> None:
    config = with_values(CONFIG, {"env_id": "my_module:Maze-v0"})
    own = readme(card(replace(LANDER, env_id=config.env_id), config=config))
    assert metadata(own)["tags"][0] == "Maze-v0"
    assert "ppo eval . --allow-import" in own


@pytest.mark.parametrize(
    "name",
    [
        "x: y\n---\ntags: [stolen]", "'\"", "{a}", "- a", "&a *b", "# no", "yes", "1e3",
        "<script>alert(1)</script>", "[x](http://y.z)", "```\nrm -rf\n```", "a|b", "`|`",
        "\x1b[2J\u202e", "\ud800",
    ],
)  # fmt: skip
def test_a_name_of_any_kind_is_a_name_and_nothing_else(name: str) -> None:
    origin = replace(LANDER, run=name, env_id=name)
    text = readme(card(origin))
    ordinary = readme(card())
    assert metadata(text)["model-index"][0]["name"] == name
    assert [*metadata(text)] == ["tags", "model-index"]
    assert len(text.splitlines()) == len(ordinary.splitlines())
    body = text.removeprefix(front_matter(origin, card().evaluation))
    assert re.search(r"(?<!\\)[<\[](?!The agent)", re.sub(r"`+[^`]+`+", "", body)) is None
    body.encode()


def test_the_front_matter_stands_alone() -> None:
    assert LANDER.evaluation is not None
    text = front_matter(LANDER, LANDER.evaluation)
    assert text.startswith("---\n") and text.endswith("\n---")
