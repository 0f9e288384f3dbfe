"""``ppo render`` of one run: the GIF that comes out, read back with Pillow, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.cli_runner import inside
from helpers.render_helpers import (
    frames_of,
    refused,
    rendered,
)

NAME = "CartPole-v1-ppo-clip-s1"
GIF = f"runs/{NAME}/render.gif"


def test_a_run_becomes_a_gif_in_its_folder(cartpole: Path) -> None:
    document = rendered("latest", cwd=cartpole)
    assert {"run_dir", "env_id", "path", "episodes", "frames", "bytes"} <= set(document)
    assert (document["run_dir"], document["env_id"]) == (f"runs/{NAME}", "CartPole-v1")
    assert document["path"] == GIF and document["bytes"] == (cartpole / GIF).stat().st_size
    frames, delays = frames_of(cartpole / GIF)
    assert len(frames) == document["frames"] and frames[0].shape == (400, 600, 3)
    (episode,) = document["episodes"]
    assert episode["return"] == episode["length"]
    assert sum(delays[:-1]) == 2 * episode["length"], "CartPole has 50 frames per second"
    assert document["seconds"] == sum(delays) / 100 and document["frames_per_second"] == 25


def test_people_are_told_what_was_written(cartpole: Path) -> None:
    result = inside("render", NAME, cwd=cartpole)
    assert result.code == 0 and result.stderr == ""
    assert GIF in result.stdout and "CartPole-v1" in result.stdout and "return" in result.stdout


def test_the_same_twice_gives_the_same_bytes(cartpole: Path) -> None:
    for options in ((), ("--stochastic",)):
        rendered(NAME, *options, "--episodes", "2", "--output", "a.gif", "--force", cwd=cartpole)
        rendered(NAME, *options, "--episodes", "2", "--output", "b.gif", "--force", cwd=cartpole)
        assert (cartpole / "a.gif").read_bytes() == (cartpole / "b.gif").read_bytes()
    rendered(NAME, "--episodes", "2", "--seed", "1", "--output", "c.gif", cwd=cartpole)
    assert (cartpole / "c.gif").read_bytes() != (cartpole / "a.gif").read_bytes()


def test_the_best_policy_is_another_file(cartpole: Path) -> None:
    run = cartpole / "runs" / NAME
    rendered(NAME, "--best", cwd=cartpole)
    (run / "best_policy.safetensors").unlink()
    result = inside("render", NAME, "--best", "--force", cwd=cartpole)
    assert result.code == 2 and "best_policy.safetensors" in result.stderr


def test_runs_that_cannot_be_shown_are_refused(cartpole: Path) -> None:
    assert refused("Carpole", cwd=cartpole)[0] == 2
    policy = cartpole / "runs" / NAME / "policy.safetensors"
    data = bytearray(policy.read_bytes())
    data[-5] ^= 1
    policy.write_bytes(data)
    code, message = refused(NAME, cwd=cartpole)
    assert code == 5 and "policy.safetensors" in message
    policy.unlink()
    code, message = refused(NAME, cwd=cartpole)
    assert code == 2 and "has no policy.safetensors" in message
    (cartpole / "runs" / NAME / "config.yaml").write_text("gamma: [")
    assert refused(NAME, cwd=cartpole)[0] == 5
    assert not (cartpole / GIF).exists()


def test_a_policy_of_another_environment_is_refused(cartpole: Path) -> None:
    config = cartpole / "runs" / NAME / "config.yaml"
    config.write_text(config.read_text().replace("CartPole-v1", "Acrobot-v1"))
    code, message = refused(NAME, cwd=cartpole)
    assert code == 5 and "CartPole-v1" in message and "Acrobot-v1" in message


@pytest.mark.parametrize(
    ("args", "part"),
    [
        ([], "which run"),
        ([NAME, "--env", "CartPole-v1"], "--env"),
        (["--random"], "environment"),
        (["--random", NAME, "--env", "CartPole-v1"], "--env"),
        ([NAME, "--best", "--last"], "--last"),
        ([NAME, "--overlay", "fancy"], "fancy"),
        ([NAME, "--format", "mp4", "--output", "film.gif"], "MP4"),
        ([NAME, "--format", "gif", "--output", "film/"], "GIF"),
        ([NAME, "--progress", "--best"], "--best"),
        ([NAME, "--progress", "--pick", "best"], "--pick"),
        (["--random", "--env", "CartPole-v1", "--progress"], "--random"),
        ([NAME, NAME], "twice"),
        ([f"a={NAME}", "b=Carpole"], "Carpole"),
        (["--random", "--env", "CartPole-v1", "--best"], "--best"),
        ([NAME, "--of", "5"], "--pick"),
        ([NAME, "--pick", "best", "--of", "2", "--episodes", "3"], "--of"),
        ([NAME, "--pick", "fastest"], "fastest"),
        ([NAME, "--fps", "30"], "25 or 50"),
    ],
)
def test_options_that_do_not_go_together_are_refused(args: list[str], part: str, cartpole: Path) -> None:
    code, message = refused(*args, cwd=cartpole)
    assert code == 2 and part in message
