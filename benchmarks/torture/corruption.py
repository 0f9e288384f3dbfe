"""T5. Damaged checkpoints and policies: each is noticed, named, and passed over."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helpers.cli_runner import inside
from helpers.run_outcome import assert_same_outcome, outcome
from helpers.small_runs import config_of, resume, start

from ppo_cli.errors import CorruptFileError, UsageError
from ppo_cli.learn import trainer
from ppo_cli.play.policy import Policy
from ppo_cli.runs.checkpoints import Checkpoint, load_latest_checkpoint
from ppo_cli.runs.run_dir import RunDir
from torture.unit import Landed, Work, case_by_case, checked

PER_UNIT = {"checkpoint": 1000, "both checkpoints": 500, "policy": 1000, "command": 100, "resume": 25}
NUM_UNITS = {"checkpoint": 9, "both checkpoints": 2, "policy": 9, "command": 8, "resume": 8}
EXPERIMENTS = (
    ("CartPole-v1", "hidden_sizes=[8]", "normalize_obs=true"),
    ("Pendulum-v1", "hidden_sizes=[8]", "normalize_obs=true", "mode=log"),
)


# ---------------------------------------------------------------------- ways to damage a file


def truncated(data: bytes, rng: random.Random, other: bytes) -> bytes:
    """Cut off at any place; at the beginning too."""
    return data[: rng.randrange(len(data))]


def bit_flipped(data: bytes, rng: random.Random, other: bytes) -> bytes:
    """One bit, anywhere."""
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def header_changed(data: bytes, rng: random.Random, other: bytes) -> bytes:
    """A byte among the first few hundred, which say what the rest is."""
    at = rng.randrange(min(len(data), 400))
    return data[:at] + bytes([rng.choice([b for b in range(256) if b != data[at]])]) + data[at + 1 :]


def zeroed(data: bytes, rng: random.Random, other: bytes) -> bytes:
    """A run of zeros, as a file system leaves after a power loss."""
    at = rng.randrange(len(data))
    length = rng.choice((1, 16, 512, 4096))
    return data[:at] + bytes(len(data[at : at + length])) + data[at + length :]


def mixed(data: bytes, rng: random.Random, other: bytes) -> bytes:
    """The beginning of one file and the end of another."""
    at = rng.randrange(len(data))
    return data[:at] + other[at:]


def exchanged(data: bytes, rng: random.Random, other: bytes) -> bytes:
    """The file of another run or another moment, whole."""
    return other


def moved(data: bytes, rng: random.Random, other: bytes) -> bytes:
    """Two blocks have changed places."""
    size = min(rng.choice((8, 64, 512)), len(data) // 2)
    a, b = rng.sample(range(len(data) // size), 2)
    blocks = [data[i : i + size] for i in range(0, len(data), size)]
    blocks[a], blocks[b] = blocks[b], blocks[a]
    return b"".join(blocks)


def grown(data: bytes, rng: random.Random, other: bytes) -> bytes:
    """More at the end."""
    return data + rng.randbytes(rng.randrange(1, 100))


def noise(data: bytes, rng: random.Random, other: bytes) -> bytes:
    """As many bytes of nothing."""
    return rng.randbytes(len(data))


Damage = Callable[[bytes, random.Random, bytes], bytes]
CHANGES: tuple[Damage, ...] = (
    truncated, bit_flipped, bit_flipped, header_changed, zeroed, mixed, exchanged, moved, grown, noise,
)  # fmt: skip
PLACES = ("a folder", "nothing", "a link to nothing", "a link to itself")


def damage(path: Path, rng: random.Random, other: bytes) -> str | None:
    """Damage a file in some way; which one, or None if it is as it was."""
    if rng.random() < 0.03:
        place = rng.choice(PLACES)
        path.unlink()
        if place == "a folder":
            path.mkdir()
        elif place.startswith("a link"):
            path.symlink_to(path if "itself" in place else "nowhere")
        return place
    change, data = rng.choice(CHANGES), path.read_bytes()
    damaged = change(data, rng, other)
    path.write_bytes(damaged)
    return None if damaged == data else change.__name__


# ---------------------------------------------------------------------- what must notice it


class Victim:
    """Two runs with two checkpoints each; the first is damaged again and again, and made whole.

    Args:
        number: Which experiment.
        folder: An empty folder.
    """

    def __init__(self, number: int, folder: Path) -> None:
        env, *settings = EXPERIMENTS[number % len(EXPERIMENTS)]
        share, trainer.CHECKPOINT_SHARE = trainer.CHECKPOINT_SHARE, float("inf")
        try:
            config, other = (config_of(env, *settings, seed=seed) for seed in (1, 2))
            self.undisturbed = outcome(start(config, folder / "undisturbed").path)
            self.run = start(config, folder / "runs", stop_at=4)
            self.other = start(other, folder / "other", stop_at=3)
        finally:
            trainer.CHECKPOINT_SHARE = share
        self.whole = shutil.copytree(self.run.path, folder / "whole")
        older, newer = sorted(self.run.checkpoints_path.iterdir())
        self.newer, self.older = newer, older
        self.at_newer = _loaded(self.run)
        shutil.rmtree(newer)
        self.at_older = _loaded(self.run)
        self.mend()

    def mend(self) -> None:
        """Make the run whole again."""
        shutil.rmtree(self.run.path)
        shutil.copytree(self.whole, self.run.path)

    def damage_file(self, path: Path, rng: random.Random) -> str | None:
        """Damage a file of the run; its like in the other run, or in the other checkpoint, lends bytes."""
        others = [self.other.path / path.name, self.older / path.name]
        others += sorted(self.other.path.glob(f"checkpoints/*/{path.name}"))
        other = next((o for o in rng.sample(others, len(others)) if o.is_file() and o != path), path)
        lent = other.read_bytes()
        how = damage(path, rng, lent)
        if how and path.suffix == ".safetensors" and path.parent == self.run.path and path.is_file():
            how = None if path.read_bytes() == lent else how  # the policy of another run is a policy
        return how and f"{path.relative_to(self.run.path)} {how}"


def _loaded(run: RunDir) -> Checkpoint:
    loaded = load_latest_checkpoint(run, lambda message: None)
    assert loaded is not None
    return loaded


def _same(a: Checkpoint, b: Checkpoint) -> bool:
    def bits(one: Checkpoint) -> dict[str, Any]:
        return {name: (array.dtype, array.shape, array.tobytes()) for name, array in one.tensors.items()}

    return (a.iteration, a.meta, bits(a)) == (b.iteration, b.meta, bits(b))


def corrupt_checkpoint(victim: Victim, rng: random.Random) -> tuple[str | None, Callable[[], object]]:
    """The newest checkpoint is damaged: the one before it is loaded, and the file is named."""
    how = victim.damage_file(rng.choice(sorted(victim.newer.iterdir())), rng)

    def check() -> None:
        warnings: list[str] = []
        loaded = load_latest_checkpoint(victim.run, warnings.append)
        assert loaded is not None and _same(loaded, victim.at_older), f"{how} was accepted"
        assert len(warnings) == 1 and str(victim.newer) in warnings[0], warnings

    return how, check


def corrupt_both(victim: Victim, rng: random.Random) -> tuple[str | None, Callable[[], object]]:
    """Both checkpoints are damaged: that is an error, and no fresh start."""
    damages = [
        victim.damage_file(rng.choice(sorted(folder.iterdir())), rng)
        for folder in (victim.newer, victim.older)
    ]
    how = ", ".join(map(str, damages)) if all(damages) else None

    def check() -> None:
        try:
            loaded = load_latest_checkpoint(victim.run, lambda message: None)
        except CorruptFileError as error:
            assert victim.run.name in error.message
            return
        raise AssertionError(f"{how} was accepted: {loaded and loaded.iteration}")

    return how, check


def corrupt_policy(victim: Victim, rng: random.Random) -> tuple[str | None, Callable[[], object]]:
    """A policy is damaged: it is refused, and named."""
    path = rng.choice((victim.run.policy_path, victim.run.best_policy_path))
    how = victim.damage_file(path, rng)

    def check() -> None:
        try:
            Policy.load(path)
        except (CorruptFileError, UsageError) as error:
            assert str(path) in error.message, error.message
            return
        raise AssertionError(f"{how} was accepted")

    return how, check


def corrupt_for_command(victim: Victim, rng: random.Random) -> tuple[str | None, Callable[[], object]]:
    """Any file of a run is damaged: commands end with a documented code and one line, never a traceback."""
    files = sorted(path for path in victim.run.path.rglob("*") if path.is_file() and path.name != ".lock")
    path = rng.choice(files)
    how = victim.damage_file(path, rng)
    words = rng.choice((
        ["eval", "--episodes", "1"], ["show"], ["show", "--json"], ["export", "--to", "numpy", "--force"],
        ["compare"], ["list"], ["train", "--resume"],
    ))  # fmt: skip
    runs_dir = victim.run.path.parent
    if words[0] == "train":
        words = [*words, str(victim.run.path)]
    elif words[0] != "list":
        words[1:1] = [str(victim.run.path)]

    def check() -> None:
        result = inside(*words, "--runs-dir", str(runs_dir), cwd=runs_dir)
        said = f"{how}: ppo {' '.join(words)}: {result.code}: {result.stderr[-300:]}"
        assert result.code in (0, 2, 5), said
        assert "Traceback" not in result.stderr and "a bug of ours" not in result.stderr, said
        opened = {"eval": "policy.safetensors", "export": "policy.safetensors"}.get(words[0])
        assert not (opened == path.name and result.code == 0), f"accepted: {said}"

    return how, check


def corrupt_and_resume(victim: Victim, rng: random.Random) -> tuple[str | None, Callable[[], object]]:
    """The newest checkpoint is damaged: the resumed run ends with the same bits."""
    how = victim.damage_file(rng.choice(sorted(victim.newer.iterdir())), rng)

    def check() -> None:
        resume(victim.run)
        assert_same_outcome(victim.run.path, victim.undisturbed)

    return how, check


CASES = {
    "checkpoint": corrupt_checkpoint,
    "both checkpoints": corrupt_both,
    "policy": corrupt_policy,
    "command": corrupt_for_command,
    "resume": corrupt_and_resume,
}


def run(case: str, seed: int, folder: Path) -> Landed:
    """Damage a run again and again."""
    rng, victim, landed = random.Random(f"{case} {seed}"), Victim(seed, folder), Landed()
    while landed.count < PER_UNIT[case]:
        how, check = CASES[case](victim, rng)
        if how:
            checked(landed, f"{case} {seed}, number {landed.count}: {how}", check)
        victim.mend()
    return landed


CORRUPTION = Work(case_by_case(NUM_UNITS), run)
