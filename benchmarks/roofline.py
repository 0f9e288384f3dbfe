"""How near do the compiled kernels come to what one core can do?

Networks of 64 and 64 units with four inputs and two actions, the minibatches of ``throughput.py``: 128
transitions. Counted are the products of matrices alone, two operations for each multiplication and addition:
what else a pass does (activations, losses, Adam) takes time and counts for nothing. So the figure of a whole
update is the lower, the more is spent on anything but products.

The yardstick, "the peak", is the best that NumPy's and torch's products of large square matrices reach on one
core here. It is no limit: their libraries are not equally good on every processor, and small products that
stay in the nearest cache can pass them. Below it stand torch's batched products (``torch.bmm``) of the very
shapes that an update has, for one member and for 32, and whole updates of both engines.

All take turns, on one thread. Operations per second are medians of the rounds, by the processor's clock.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from common import Entry, Results, arguments, machine, median_and_range, report, run_json, spread, step, table

ROOFLINE = Path(__file__).with_name("_roofline.py")
LABELS = {
    "numpy": "NumPy, products of 1024 × 1024",
    "torch": "torch, products of 1024 × 1024",
    "bmm-1": "torch.bmm, the products of an update, 1 member",
    "bmm-32": "torch.bmm, the products of an update, 32 members",
    "forward": "kernels, forward (ReLU)",
    "gradient": "kernels, gradient of the loss (tanh)",
    "update": "kernels, whole update (tanh)",
    "engine-torch-1": "engine torch, whole update, 1 member",
    "engine-torch-32": "engine torch, whole update, 32 members",
}
PEAK = ("numpy", "torch")
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def products(obs_size: int, num_outputs: int, hidden: tuple[int, ...]) -> tuple[int, int]:
    """Operations in products for one transition through actor and critic: of a forward pass, of a gradient.

    A gradient takes a forward pass, the same again for the weights, and the same for the inputs of each layer
    but the first.
    """
    forward = backward = 0
    for outputs in (num_outputs, 1):
        sizes = [2 * size * below for below, size in pairwise((obs_size, *hidden, outputs))]
        forward += sum(sizes)
        backward += sum(sizes) + sum(sizes[1:])
    return forward, forward + backward


def measure(rounds: int, seconds: float) -> Entry:
    """Measure everything ``rounds`` times in turn; an entry of the results file."""
    os.environ |= dict.fromkeys(ONE_THREAD, "1")  # for the child, before it imports NumPy and torch
    measured = []
    for index in range(rounds):
        with step(f"round {index + 1} of {rounds}"):
            measured.append(run_json(ROOFLINE, "--seconds", seconds)[1])
    speeds = {name: [own["gflops"][name] for own in measured] for name in LABELS}
    peaks = [max(own["gflops"][name] for name in PEAK) for own in measured]
    return {
        "instruction_set": measured[0]["instruction_set"],
        "rounds": measured,
        "gflops": {name: median_and_range(values) for name, values in speeds.items()},
        "share_of_peak": {
            name: median_and_range([own / peak for own, peak in zip(values, peaks, strict=True)])
            for name, values in speeds.items()
        },
        "microseconds_per_step": {
            name: median_and_range([own["microseconds"][name] for own in measured])
            for name in measured[0]["microseconds"]
        },
    }


def text(entries: Mapping[str, Entry]) -> str:
    """The results as Markdown tables."""
    return "\n\n".join(_one(entry) for entry in entries.values())


def _one(entry: Entry) -> str:
    header = (
        "What",
        "GFLOP/s, median (range)",
        "Share of the peak",
        "Microseconds for a member's gradient step",
    )
    rows = []
    for name, label in LABELS.items():
        share = {key: 100 * value for key, value in entry["share_of_peak"][name].items()}
        own = entry["microseconds_per_step"].get(name)
        rows.append(
            [label, spread(entry["gflops"][name], 1), spread(share, 0, " %"), spread(own, 0) if own else "–"]
        )
    return f"Kernels for {entry['instruction_set']}:\n\n{table(header, rows)}"


def main() -> None:
    """Measure and print the table."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of each")
    args = parser.parse_args()
    results = Results("roofline", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        rounds, seconds = (1, 0.2) if args.quick else (args.rounds, args.seconds)
        results.add("one core", measure(rounds, seconds))
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
