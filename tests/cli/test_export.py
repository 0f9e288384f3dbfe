"""``ppo export``: the files that come out of a trained run, and what is refused."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import yaml
from helpers.cli_runner import Result, inside
from helpers.export_policies import BOX, Maze, make_policy, observations
from PIL import Image

from ppo_cli import load_policy
from ppo_cli.config.dump import dump_config
from ppo_cli.config.resolve import with_values
from ppo_cli.config.schema import RunConfig
from ppo_cli.play.policy import Policy
from ppo_cli.runs.run_dir import RunDir
from ppo_cli.storage.tensor_file import load_tensors, save_tensors

NAME = "CartPole-v1-ppo-clip-s1"
RUN = f"runs/{NAME}"
OBS = np.random.default_rng(0).normal(size=(500, 4)).astype(np.float32)


@pytest.fixture
def work(cartpole: Path) -> Path:
    """A folder with a trained run, in which the best policy does the contrary of the last one."""
    last = load_policy(cartpole / RUN)
    contrary = Policy(last.shape, -last.params[0], last.obs_mean, last.obs_var)
    contrary.save(cartpole / RUN / "best_policy.safetensors")
    return cartpole


class Shifted(Maze):
    """The same, whose choices count from 5."""

    def __init__(self, size: int = 0) -> None:
        super().__init__()
        self.action_space = gym.spaces.Discrete(3, start=5)


@pytest.fixture
def mazes() -> Iterator[None]:
    gym.register("Maze-v0", Maze, max_episode_steps=10)
    gym.register("Shifted-v0", Shifted, max_episode_steps=10)
    yield
    del gym.registry["Maze-v0"], gym.registry["Shifted-v0"]


def export(work: Path, *args: str) -> Result:
    return inside("export", NAME, *args, cwd=work)


def maze_run(folder: Path, policy: Policy) -> Path:
    """A run of a made-up policy, as if it had been trained."""
    shape = policy.shape
    run = folder / "runs" / f"{shape.spec.env_id}-ppo-clip-s1"
    run.mkdir(parents=True)
    values = {"normalize_obs": shape.normalize_obs, "clip_obs": shape.clip_obs, "env_kwargs": {"size": 1}}
    config = with_values(RunConfig(env_id=shape.spec.env_id), values)
    (run / "config.yaml").write_text(dump_config(config))
    policy.save(run / "policy.safetensors")
    return run


def names_in(folder: Path) -> set[str]:
    return set(os.listdir(folder))


def test_onnx_agrees_with_the_trained_policy(work: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    result = export(work, "--to", "onnx")
    assert result.code == 0, result.stderr
    model = runtime.InferenceSession(str(work / RUN / "policy.onnx"), providers=["CPUExecutionProvider"])
    (actions,) = model.run(["action"], {"observations": OBS})
    assert np.array_equal(actions, load_policy(work / RUN).predict(OBS, deterministic=True)[0])
    first = (work / RUN / "policy.onnx").read_bytes()
    assert export(work, "--to", "onnx", "--force").code == 0
    assert (work / RUN / "policy.onnx").read_bytes() == first


def test_sb3_agrees_with_the_trained_policy(work: Path) -> None:
    sb3 = pytest.importorskip("stable_baselines3")
    result = export(work, "--to", "sb3")
    assert result.code == 0, result.stderr
    model = sb3.PPO.load(work / RUN / "policy_sb3.zip", env=gym.make("CartPole-v1"), device="cpu")
    ours = load_policy(work / RUN).predict(OBS, deterministic=True)[0]
    assert np.array_equal(model.predict(OBS, deterministic=True)[0], ours)


def test_numpy_agrees_with_the_trained_policy(work: Path) -> None:
    result = export(work, "--to", "numpy", "--output", "mine.py")
    assert result.code == 0, result.stderr
    text = (work / "mine.py").read_text()
    names: dict = {"__name__": "mine"}
    exec(compile(text, "mine.py", "exec"), names)
    ours = load_policy(work / RUN).predict(OBS, deterministic=True)[0]
    assert np.array_equal(names["predict"](OBS), ours)
    assert names["ABOUT"]["run"] == NAME and "over 3 episodes" in names["ABOUT"]["return"]
    assert "import mine" in text


def test_best_and_last_are_two_files(work: Path) -> None:
    assert export(work, "--to", "numpy").code == 0
    assert export(work, "--to", "numpy", "--best").code == 0
    texts = [(work / RUN / name).read_text() for name in ("policy.py", "best_policy.py")]
    assert '"policy": "last"' in texts[0] and '"policy": "best"' in texts[1]
    assert texts[0].partition("NUMBERS = unpack")[2] != texts[1].partition("NUMBERS = unpack")[2]
    assert "in training, the best of its evaluations: expect less" in texts[1]


def test_the_document_says_what_was_written(work: Path) -> None:
    document = export(work, "--to", "onnx", "--json").json
    path = Path(document["path"])
    assert document["run_dir"] == RUN and document["env_id"] == "CartPole-v1"
    assert (document["to"], document["policy"], document["notices"]) == ("onnx", "last", [])
    assert document["files"] == [{"name": "policy.onnx", "bytes": (work / path).stat().st_size}]


def test_a_card_is_ready_to_upload(work: Path) -> None:
    result = export(work, "--to", "card", "--output", "card")
    assert result.code == 0, result.stderr
    assert "hf upload" in result.stdout
    card = work / "card"
    assert names_in(card) == {
        "README.md", "config.yaml", "policy.py", "policy.safetensors", "replay.gif", "results.json"
    }  # fmt: skip
    assert names_in(work) == {"runs", "card"}
    summary = json.loads((work / RUN / "summary.json").read_text())["eval"]
    results = json.loads((card / "results.json").read_text())
    assert results["mean_reward"] == summary["mean"] and results["n_eval_episodes"] == 3
    front = yaml.safe_load((card / "README.md").read_text().split("---\n")[1])
    (metric,) = front["model-index"][0]["results"][0]["metrics"]
    assert metric["value"] == f"{summary['mean']:.2f} +/- {summary['std']:.2f}"
    with Image.open(io.BytesIO((card / "replay.gif").read_bytes())) as gif:
        assert gif.n_frames > 1
    again = export(work, "--to", "card", "--output", "card", "--force", "--json")
    assert again.code == 0, again.stdout
    assert {entry["name"] for entry in again.json["files"]} == names_in(card)


def test_a_card_is_a_run_that_ppo_can_play(work: Path) -> None:
    assert export(work, "--to", "card", "--best", "--output", "card").code == 0
    played = inside("eval", "./card", "--episodes", "5", "--json", cwd=work)
    ours = inside("eval", NAME, "--best", "--episodes", "5", "--json", cwd=work)
    assert played.json["returns"] == ours.json["returns"]
    copied = (work / "card" / "policy.safetensors").read_bytes()
    assert copied == (work / RUN / "best_policy.safetensors").read_bytes()
    assert inside("list", "--json", cwd=work).json["runs"][0]["name"] == NAME


def test_the_best_policy_is_evaluated_for_its_card(work: Path) -> None:
    assert export(work, "--to", "card", "--best", "--output", "card").code == 0
    evaluated = inside("eval", NAME, "--best", "--json", cwd=work).json
    results = json.loads((work / "card" / "results.json").read_text())
    assert (results["mean_reward"], results["n_eval_episodes"]) == (evaluated["mean"], 100)


@pytest.mark.usefixtures("mazes")
def test_an_environment_without_pictures_gets_a_card_without_a_gif(tmp_path: Path) -> None:
    maze_run(tmp_path, make_policy())
    result = inside("export", "latest", "--to", "card", "--output", "card", cwd=tmp_path)
    assert result.code == 0, result.stderr
    assert "the card is without a GIF: Maze-v0 cannot be rendered" in result.stderr
    assert names_in(tmp_path / "card") == {
        "README.md", "config.yaml", "policy.py", "policy.safetensors", "results.json"
    }  # fmt: skip
    assert "replay.gif" not in (tmp_path / "card" / "README.md").read_text()


@pytest.mark.usefixtures("mazes")
@pytest.mark.parametrize(
    ("clip_obs", "words"),
    [
        (1e4, "without clipping, which changed none of the 200 observations of 20 episodes"),
        (1.0, "of the 200 observations of 20 episodes (clip_obs=1): one more layer in front does it"),
    ],
)
def test_sb3_says_what_became_of_the_clipping(clip_obs: float, words: str, tmp_path: Path) -> None:
    sb3 = pytest.importorskip("stable_baselines3")
    policy = make_policy(clip_obs=clip_obs)
    run = maze_run(tmp_path, policy)
    result = inside("export", "latest", "--to", "sb3", cwd=tmp_path)
    assert result.code == 0, result.stderr
    assert words in result.stderr
    model = sb3.PPO.load(run / "policy_sb3.zip", device="cpu")
    obs = np.random.default_rng(1).normal(size=(300, 5)).astype(np.float32)
    assert np.array_equal(
        model.predict(obs, deterministic=True)[0], policy.predict(obs, deterministic=True)[0]
    )


@pytest.mark.usefixtures("mazes")
def test_choices_are_counted_from_0_everywhere(tmp_path: Path) -> None:
    sb3, runtime = pytest.importorskip("stable_baselines3"), pytest.importorskip("onnxruntime")
    policy = make_policy(env_id="Shifted-v0", clip_obs=1e4)
    run = maze_run(tmp_path, policy)
    obs = observations(policy, 200)
    expected, _ = policy.predict(obs, deterministic=True)
    results = {to: inside("export", "latest", "--to", to, cwd=tmp_path) for to in ("sb3", "onnx", "numpy")}
    assert {result.code for result in results.values()} == {0}
    assert "predict counts actions from 0, the environment from 5: add 5" in results["sb3"].stderr
    model = sb3.PPO.load(run / "policy_sb3.zip", device="cpu")
    graph = runtime.InferenceSession(str(run / "policy.onnx"), providers=["CPUExecutionProvider"])
    names: dict = {"__name__": "policy"}
    exec(compile((run / "policy.py").read_text(), "policy.py", "exec"), names)
    assert np.array_equal(model.predict(obs, deterministic=True)[0], expected)
    assert np.array_equal(graph.run(["action"], {"observations": obs})[0], expected)
    assert np.array_equal(names["predict"](obs), expected)
    assert set(expected) == {0, 1, 2}


@pytest.mark.usefixtures("mazes")
def test_sb3_is_refused_where_a_tanh_network_would_need_to_clip(tmp_path: Path) -> None:
    pytest.importorskip("stable_baselines3")
    run = maze_run(tmp_path, make_policy(activation="tanh", clip_obs=1.0))
    result = inside("export", "latest", "--to", "sb3", cwd=tmp_path)
    assert result.code == 2
    assert "observations of 20 episodes (clip_obs=1), and a tanh network" in result.stderr
    assert names_in(run) == {"config.yaml", "policy.safetensors"}


@pytest.mark.parametrize(("to", "name"), [("onnx", "policy.onnx"), ("numpy", "policy.py"), ("card", "card")])
def test_what_exists_is_replaced_only_when_asked(to: str, name: str, work: Path) -> None:
    path = work / RUN / name
    if to == "card":
        path.mkdir()
    else:
        path.write_text("mine")
    before = names_in(work / RUN)
    refused = export(work, "--to", to)
    assert refused.code == 2 and "exists already" in refused.stderr
    assert names_in(work / RUN) == before
    assert export(work, "--to", to, "--force").code == 0
    assert names_in(work / RUN) == before
    assert path.is_dir() or path.read_bytes() != b"mine"


def test_a_folder_with_other_things_is_never_replaced(work: Path) -> None:
    (work / "home").mkdir()
    (work / "home" / "thesis.tex").write_text("years")
    (work / "home" / "README.md").write_text("mine")
    result = export(work, "--to", "card", "--output", "home", "--force")
    assert result.code == 2 and "thesis.tex" in result.stderr
    assert names_in(work / "home") == {"thesis.tex", "README.md"}
    for place in (".", "..", RUN):
        assert export(work, "--to", "card", "--output", place, "--force").code == 2


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--to", "onnx", "--output", "policy.zip"), "is a .onnx file"),
        (("--to", "sb3", "--output", "policy"), "is a .zip file"),
        (("--to", "numpy", "--output", "nowhere/policy.py"), "there is no folder nowhere"),
        (("--to", "numpy", "--output", "folder.py"), "is not a file"),
        (("--to", "numpy", "--output", "numpy.py"), "would import itself"),
        (("--to", "card", "--output", "file"), "is not a folder"),
        (("--to", "card", "--output", "link", "--force"), "is not a folder"),
        (("--to", "tflite"), "tflite"),
        ((), "--to"),
    ],
)
def test_a_wrong_output_is_refused_before_any_work(args: tuple[str, ...], words: str, work: Path) -> None:
    (work / "folder.py").mkdir()
    (work / "file").write_text("mine")
    (work / "link").symlink_to(work / "folder.py")
    before = {path: names_in(path) for path in (work, work / RUN)}
    result = export(work, *args)
    assert result.code == 2
    assert words in result.stderr
    assert {path: names_in(path) for path in before} == before


def test_a_folder_that_is_not_writable_is_refused(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)  # as for all but root
    result = export(work, "--to", "numpy", "--output", "policy.py")
    assert result.code == 74 and "is not writable" in result.stderr
    assert names_in(work) == {"runs"}


def test_a_disk_that_fills_up_leaves_nothing(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = names_in(work / RUN)

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for to in ("onnx", "numpy", "card"):
        assert export(work, "--to", to).code == 74
    assert names_in(work / RUN) == before


@pytest.mark.parametrize(
    ("to", "library", "extra"), [("onnx", "onnx", "onnx"), ("sb3", "stable_baselines3", "sb3")]
)
def test_a_missing_library_is_named_with_its_extra(
    to: str, library: str, extra: str, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    result = export(work, "--to", to)
    assert result.code == 2
    assert library in result.stderr and f"pip install 'ppo-cli[{extra}]'" in result.stderr


@pytest.mark.parametrize("to", ["onnx", "sb3", "numpy", "card"])
def test_runs_that_cannot_be_exported_are_refused(to: str, work: Path) -> None:
    missing = inside("export", "Acrobot", "--to", to, cwd=work)
    assert missing.code == 2 and "no run 'Acrobot'" in missing.stderr
    policy = work / RUN / "policy.safetensors"
    data = bytearray(policy.read_bytes())
    data[-1] ^= 1
    policy.write_bytes(bytes(data))
    damaged = export(work, "--to", to)
    assert damaged.code == 5 and "policy.safetensors is damaged" in damaged.stderr
    policy.unlink()
    before = names_in(work / RUN)
    empty = export(work, "--to", to)
    assert empty.code == 2 and "has no policy.safetensors yet" in empty.stderr
    assert names_in(work / RUN) == before


def test_a_policy_of_another_environment_is_refused(work: Path) -> None:
    path = work / RUN / "policy.safetensors"
    tensors, about = load_tensors(path)
    about["spec"]["env_id"] = "LunarLander-v2"
    save_tensors(path, tensors, about)
    for to in ("onnx", "sb3", "numpy", "card"):
        result = export(work, "--to", to)
        assert result.code == 5 and "trained in 'LunarLander-v2'" in result.stderr


def test_a_card_is_not_made_of_a_run_in_training(work: Path) -> None:
    with RunDir(work / RUN).lock():
        result = export(work, "--to", "card")
    assert result.code == 4 and "is being trained" in result.stderr


def test_a_summary_of_a_stranger_is_not_trusted_to_be_one(work: Path) -> None:
    path = work / RUN / "summary.json"
    summary = json.loads(path.read_text())
    summary["eval"] = {"mean": "much", "std": 1e400, "episodes": -3, "ci95": "wide"}
    summary["versions"] = ["<script>"]
    path.write_text(json.dumps(summary))
    assert export(work, "--to", "numpy").code == 0
    assert '"return": "not evaluated"' in (work / RUN / "policy.py").read_text()
    assert export(work, "--to", "card").code == 0
    assert json.loads((work / RUN / "card" / "results.json").read_text())["n_eval_episodes"] == 100


@pytest.mark.usefixtures("mazes")
def test_vectors_inside_bounds_are_exported_too(tmp_path: Path) -> None:
    policy = make_policy("box", "tanh", clip_obs=1e4)
    assert policy.shape.spec.action == BOX
    run = tmp_path / "runs" / "Maze-v0-ppo-clip-s1"
    maze_run(tmp_path, policy)
    for to in ("onnx", "numpy"):
        assert inside("export", "latest", "--to", to, cwd=tmp_path).code == 0
    assert names_in(run) == {"config.yaml", "policy.safetensors", "policy.onnx", "policy.py"}
    refused = inside("export", "latest", "--to", "sb3", cwd=tmp_path)
    assert refused.code == 5 and "does not fit" in refused.stderr, "the environment has choices"
