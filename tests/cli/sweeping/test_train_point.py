"""``ppo train --from-sweep``."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.cli_runner import inside
from helpers.sweep_commands import NAME, one_line
from helpers.sweep_helpers import files_of
from helpers.sweep_specs import spec_from

from ppo_cli.sweeps.folder.opening import open_sweep


def test_training_a_point_of_a_sweep_gives_the_bits_of_its_run(swept: Path) -> None:
    runs = ("--runs-dir", "again")
    sweep = f"runs/{NAME}"
    for point, seed in (("eps_clip=0.3", 1), ("eps_clip=0.1", 2)):
        words = ("--from-sweep", sweep, "--point", point, "--seed", str(seed), "--name", f"{point}-s{seed}")
        assert inside("train", *words, *runs, cwd=swept).code == 0
        again = files_of(swept / "again" / f"{point}-s{seed}")
        assert again == files_of(swept / sweep / f"{point}-s{seed}")


def test_the_best_point_is_trained_unless_another_is_named(swept: Path) -> None:
    best = inside("show", NAME, "--json", cwd=swept).json["best"]
    document = inside("train", "--from-sweep", NAME, "--seeds", "2", "--dry-run", "--json", cwd=swept).json
    assert document["config"]["learning"]["eps_clip"] == best["point"]["eps_clip"]
    assert document["seeds"] == [1, 2] and document["total_timesteps"] == 128
    (notice,) = document["notices"]
    assert f"eps_clip = {best['point']['eps_clip']}, from the sweep {NAME}" in notice


def test_a_point_of_a_sweep_over_algorithms_can_be_trained(tmp_path: Path) -> None:
    spec, _ = spec_from(env="CartPole-v1", params=["algorithm"])
    open_sweep(spec, tmp_path / "runs", None)
    words = ("train", "--from-sweep", "CartPole-v1-algorithm", "--point", "algorithm=grpo", "--dry-run")
    document = inside(*words, "--json", cwd=tmp_path).json
    assert document["config"]["algorithm"] == "grpo" and document["config"]["learning"]["group_size"] == 8
    assert document["runs"] == ["runs/CartPole-v1-grpo-s1"]
    other = inside(*words[:4], "algorithm=ppo-kl", "--algorithm", "reinforce", "--json", cwd=tmp_path)
    assert other.code == 2 and "reinforce" in other.json["error"]["message"]


def test_a_point_that_is_not_there_is_refused_with_the_nearest(swept: Path) -> None:
    result = inside("train", "--from-sweep", NAME, "--point", "eps_clip=0.33", cwd=swept)
    assert result.code == 2 and "did you mean eps_clip=0.3" in one_line(result.stderr)
    missing = inside("train", "--from-sweep", "nothing", cwd=swept)
    assert missing.code == 2 and "no sweep 'nothing'" in one_line(missing.stderr)


@pytest.mark.parametrize(
    "words",
    [
        ("--from-sweep", NAME, "--env", "CartPole-v1"),
        ("--from-sweep", NAME, "--set", "gamma=0.9"),
        ("--env", "CartPole-v1", "--point", "best"),
        ("--from-sweep", NAME, "--resume", "latest"),
    ],
)
def test_what_cannot_stand_beside_a_point_of_a_sweep_is_refused(words: tuple[str, ...], swept: Path) -> None:
    result = inside("train", *words, cwd=swept)
    assert result.code == 2 and "cannot be combined with" in one_line(result.stderr)
