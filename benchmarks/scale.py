"""What would ten thousand runs cost? The supervisor and one population are measured, the rest is reckoned.

The supervisor: planning 10,000 runs, reading their folders (made up, each with a real ``summary.json``),
showing them, summing them up. A population: 25 members of LunarLander on one core. A run folder: what one run
of 1,000,000 steps leaves on the disk.
"""

from __future__ import annotations

import json
import os
import resource
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common import Entry, Results, arguments, machine, number, report, run_json, step, table

SPEED = Path(__file__).with_name("_speed.py")
ENV_ID = "LunarLander-v3"
RUNS, STEPS, NODES, CORES, MEMBERS = 10_000, 1_000_000, 50, 8, 25
GRID = ("learning_rate=1e-4..1e-2:log:10", "eps_clip=0.05..0.5:10", "gamma=0.9..0.999:20")


def measure(seconds: float) -> Entry:
    """Measure all three; an entry of the results file."""
    with tempfile.TemporaryDirectory(prefix="ppo-benchmark-") as folder:
        with step("a run folder"):
            run = measure_run(Path(folder), 1_000_000 if seconds > 1 else 20_000)
        with step(f"{RUNS:,} runs in the supervisor"):
            supervisor = measure_supervisor(Path(folder), run.pop("summary"))
    with step(f"a population of {MEMBERS} on one core"):
        population = measure_population(seconds)
    return {"run": run, "supervisor": supervisor, "population": population}


def measure_run(folder: Path, steps: int) -> dict[str, Any]:
    """Bytes and files of a run folder."""
    _, document = run_json(
        "-m", "ppo_cli", "train", "--env", ENV_ID, "--total-timesteps", steps,
        "--runs-dir", folder / "runs", "--quiet", "--json",
    )  # fmt: skip
    files = [path for path in Path(document["runs"][0]["run_dir"]).rglob("*") if path.is_file()]
    summary = json.loads(Path(document["runs"][0]["run_dir"], "summary.json").read_text(encoding="utf-8"))
    return {"bytes": sum(path.stat().st_size for path in files), "files": len(files), "summary": summary}


def measure_supervisor(folder: Path, summary: Mapping[str, Any]) -> dict[str, float]:
    """Seconds of what the supervisor does with all runs, and its memory in bytes."""
    from ppo_cli.config.resolve import resolve_config
    from ppo_cli.sweeps.folder.sweep_dir import SweepDir
    from ppo_cli.sweeps.plan.populations import cut_into_populations
    from ppo_cli.sweeps.plan.resources import Resources
    from ppo_cli.sweeps.results.summary import write_summary
    from ppo_cli.sweeps.results.sweep_results import SweepResults
    from ppo_cli.sweeps.running.standings import Standings
    from ppo_cli.sweeps.spec.params import parse_param
    from ppo_cli.sweeps.spec.planned_runs import planned_runs
    from ppo_cli.sweeps.spec.sweep_spec import SweepSpec

    base = resolve_config(env=ENV_ID).config
    spec = SweepSpec((base,), ENV_ID, tuple(map(parse_param, GRID)), num_seeds=5)
    taken: dict[str, float] = {}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        taken[name] = time.perf_counter() - began

    sweep = SweepDir(folder / "sweep")
    with timed("plan"):
        runs = planned_runs(spec)
    assert len(runs) == RUNS
    text = json.dumps(summary)
    for run in runs:
        sweep.run(run.name).path.mkdir(parents=True)
        sweep.run(run.name).summary_path.write_text(text, encoding="utf-8")
    slots = NODES * CORES
    with timed("split"):
        populations = cut_into_populations(runs, Resources(((),) * slots))
    assert {len(population) for population in populations} == {MEMBERS}
    standings = Standings(sweep)
    with timed("read"):
        standings.add(runs)
    with timed("show"):
        standings.report("")
    with timed("sum up"):
        write_summary(SweepResults(sweep, spec, list(standings.results.values())))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # kilobytes on Linux
    return {**taken, "memory": peak}


def measure_population(seconds: float) -> dict[str, float]:
    """Environment steps per second of all members together, on one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})  # the child inherits it: no processes for its environments
    try:
        _, result = run_json(SPEED, "ppo", "--members", MEMBERS, "--seconds", seconds, "--env", ENV_ID)
    finally:
        os.sched_setaffinity(0, cores)
    return {"members": MEMBERS, "steps_per_second": result["steps_per_second"]}


def text(entries: Mapping[str, Entry]) -> str:
    """What is measured and what follows, as Markdown tables."""
    if ENV_ID not in entries:
        return ""
    entry = entries[ENV_ID]
    supervisor, population = entry["supervisor"], entry["population"]
    core_seconds = RUNS * STEPS / population["steps_per_second"]
    hours = core_seconds / 3600
    minutes = core_seconds / (NODES * CORES) / 60
    run = entry["run"]
    measured = [
        [
            f"a population of {MEMBERS} on one core",
            f"{number(population['steps_per_second'])} steps per second",
        ],
        ["a run folder after 1,000,000 steps", f"{_megabytes(run['bytes'])}, {run['files']} files"],
        ["supervisor: planning 10,000 runs", f"{number(supervisor['plan'], 1)} s, once"],
        ["supervisor: cutting them into populations", f"{number(supervisor['split'], 1)} s, once"],
        ["supervisor: reading 10,000 folders", f"{number(supervisor['read'], 1)} s, once (local disk)"],
        ["supervisor: a look at all runs", f"{number(supervisor['show'], 2)} s, ≤ 1/10 of its time"],
        ["supervisor: writing the results", f"{number(supervisor['sum up'], 1)} s, ≤ 1/20 of its time"],
        ["supervisor: memory", _megabytes(supervisor["memory"])],
    ]
    gigabytes = f"{number(RUNS * run['bytes'] / 1e9, 1)} GB"
    reckoned = [
        ["arithmetic of 10,000 runs", f"{number(hours)} core hours"],
        [f"on {NODES} machines with {CORES} such cores", f"{number(minutes)} minutes, evaluations apart"],
        ["disk", f"{gigabytes} in {number(RUNS * run['files'])} files"],
        ["populations", f"{RUNS // MEMBERS} of {MEMBERS}, one per core"],
    ]
    return f"{table(('Measured', ''), measured)}\n\n{table(('Reckoned', ''), reckoned)}"


def _megabytes(count: float) -> str:
    return f"{number(count / 1e6, 1)} MB"


def main() -> None:
    """Measure and print the tables."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of the population's measurement")
    args = parser.parse_args()
    results = Results("scale", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        results.add(ENV_ID, measure(0.5 if args.quick else args.seconds))
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
