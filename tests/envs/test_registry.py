"""Which environments can be trained on, and under which names."""

from __future__ import annotations

import pytest

from ppo_cli.envs.factory import env_spec
from ppo_cli.envs.registry import known_envs, resolve_env_id
from ppo_cli.errors import UsageError


@pytest.mark.parametrize(
    ("requested", "runs"),
    [
        ("LunarLander-v2", "LunarLander-v3"),
        ("LunarLanderContinuous-v2", "LunarLanderContinuous-v3"),
        ("Pendulum-v0", "Pendulum-v1"),
        ("BipedalWalker-v2", "BipedalWalker-v3"),
    ],
)
def test_a_retired_version_runs_as_its_successor_and_says_so(requested: str, runs: str) -> None:
    resolved = resolve_env_id(requested)
    assert (resolved.requested, resolved.env_id) == (requested, runs)
    assert resolved.notice is not None
    assert requested in resolved.notice
    assert runs in resolved.notice
    assert env_spec(resolved.env_id).env_id == runs


def test_a_current_id_runs_as_it_is_without_a_notice() -> None:
    for known in known_envs():
        assert resolve_env_id(known.env_id).notice is None
    assert resolve_env_id("CartPole-v0").env_id == "CartPole-v0"


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("cartpole-v1", "CartPole-v1"),
        ("CartPol-v1", "CartPole-v1"),
        ("CartPol-v1", "CartPole-v1"),
        ("CartPole-v7", "CartPole-v1"),
        ("LunarLandr-v3", "LunarLander-v3"),
        ("lunarlander", "LunarLander-v3"),
    ],
)
def test_an_unknown_id_is_refused_with_the_nearest_name(typed: str, near: str) -> None:
    with pytest.raises(UsageError, match=typed) as caught:
        resolve_env_id(typed)
    assert caught.value.hint is not None
    assert near in caught.value.hint
    assert caught.value.key == "env_id"


@pytest.mark.parametrize(
    "typed", ["", "Zzyzx-v0", "a b", "../etc/passwd", "CartPole-v1\n", "os;x:Env-v0", ":", "x:"]
)
def test_what_is_no_id_is_refused(typed: str) -> None:
    with pytest.raises(UsageError):
        resolve_env_id(typed)


def test_a_name_without_version_means_the_newest() -> None:
    resolved = resolve_env_id("LunarLanderContinuous")
    assert resolved.env_id == "LunarLanderContinuous-v3"
    assert resolved.notice == "LunarLanderContinuous has no version; running LunarLanderContinuous-v3"
