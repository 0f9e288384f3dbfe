"""How long a sweep will take, and how much disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.sweep_helpers import (
    FAULTY,
    RATES,
    InProcess,
    Measured,
    StopAfter,
    runner_of,
    sweep,
    tiny_spec,
)

from ppo_cli.sweeps.plan.estimate import MOST_PROBES, Estimate, estimate, probes_in
from ppo_cli.sweeps.spec.sweep_spec import SweepSpec


def estimated(executor: InProcess, spec: SweepSpec, runs_dir: Path) -> Estimate:
    runner = runner_of(spec, runs_dir, executor)
    make_probe = probes_in(runner.folder.path, spec, allow_import=False)
    return estimate(runner.missing(), executor, ((),) * executor.slots, make_probe, StopAfter())


def test_an_estimate_adds_up_iterations_and_evaluations_of_the_slot_that_ends_last(tmp_path: Path) -> None:
    spec = tiny_spec("num_steps=16,8,32", num_seeds=2)  # 10, 20 and 5 iterations
    assert estimated(Measured(1, 1.0, 0.0), spec, tmp_path).seconds == pytest.approx(10 + 20 + 5)
    assert estimated(Measured(2, 1.0, 0.0), spec, tmp_path).seconds == pytest.approx(20), "10 and 5 beside 20"
    episodes = 5 * 2 + 3
    evaluated = tiny_spec("eps_clip=0.1", num_seeds=2)
    assert estimated(Measured(1, 0.0, 1.0), evaluated, tmp_path).seconds == pytest.approx(2 * episodes * 250)


def test_an_estimate_counts_what_is_left(tmp_path: Path, every_iteration: None) -> None:
    stopped = sweep(tiny_spec(RATES), tmp_path, stop=StopAfter(8))
    done = sum(run.global_step for run in stopped.runs)
    assert 0 < done < 4 * 320
    executor = Measured(1, 1.0, 0.0)
    runner = runner_of(tiny_spec(RATES), tmp_path, executor)
    make_probe = probes_in(runner.folder.path, runner.spec, allow_import=False)
    populations, share_done = runner.missing(), runner.standings.share_done
    left = estimate(populations, executor, [()], make_probe, StopAfter(), share_done)
    assert left.steps == 4 * 320 - done and left.seconds == pytest.approx(10 * (1 - done / (4 * 320)))


def test_an_estimate_trains_a_little_and_writes_nothing(tmp_path: Path) -> None:
    executor = InProcess(slots=2)
    estimate = estimated(executor, tiny_spec(RATES, confirm=0), tmp_path)
    assert estimate.seconds is not None and estimate.seconds > 0
    assert estimate.steps == 4 * 320 and all(job.probe for job in executor.jobs) and len(executor.jobs) == 2
    (folder,) = tmp_path.iterdir()
    assert [path.name for path in folder.iterdir()] == ["sweep.yaml"]


@pytest.mark.parametrize("sizes", ["8", "64x64", "256x256"])
def test_disk_space_is_estimated_from_above(sizes: str, tmp_path: Path) -> None:
    spec = tiny_spec(f"hidden_sizes={sizes}", num_seeds=1)
    estimate = estimated(Measured(1, 1.0, 0.0), spec, tmp_path)
    folder = sweep(spec, tmp_path).folder
    files = [path for path in folder.rglob("*") if path.is_file() and path.parent != folder]
    taken = sum(path.stat().st_size for path in files)
    assert taken < estimate.disk < 4 * taken


def test_of_many_programs_only_some_are_measured(tmp_path: Path) -> None:
    executor = Measured(1, 1.0, 0.0)
    sizes = ",".join(f"{size}" for size in range(1, 11))
    estimate = estimated(executor, tiny_spec(f"hidden_sizes={sizes}", num_seeds=1), tmp_path)
    assert len(executor.jobs) == MOST_PROBES and estimate.seconds == pytest.approx(10 * 10)


@pytest.mark.parametrize("fault", ["raises", "huge"])
def test_a_population_that_cannot_be_measured_does_not_keep_the_others_from_being_trained(
    fault: str, tmp_path: Path
) -> None:
    spec = tiny_spec(f"env_kwargs.fault={fault},no", env_id=FAULTY)
    assert estimated(InProcess(), spec, tmp_path).seconds is not None
    alone, executor = tiny_spec(f"env_kwargs.fault={fault}", env_id=FAULTY, base={"gamma": 0.5}), InProcess()
    assert estimated(executor, alone, tmp_path).seconds is None
    assert (executor.errors == []) == (fault == "huge"), "to diverge is no error of the probe"
