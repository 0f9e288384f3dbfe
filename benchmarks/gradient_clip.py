"""Should actor and critic share one gradient clip? They are separate networks.

Trains the shipped settings of each environment over several seeds twice: with the clip as it is, which takes
the gradients of both networks as one vector, and with a clip for each network. The second is not part of the
program: here the function that clips is replaced, in this process, and it is checked that it was called.

Seeds are the unit of replication: the difference of the means comes with Welch's 95 % interval. With
``--scale`` rewards are scaled, to see what happens where the critic's gradient is by far the larger one.
"""

from __future__ import annotations

import math
import tempfile
import time
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from common import Entry, Results, arguments, machine, number, report, run_json, step, table

HEADER = ("Environment", "Reward scale ×", "One clip", "A clip for each", "Difference", "95 % interval")
CLIPS = ("shared", "separate")
QUICK = {"total_timesteps": 4096, "num_evals": 0, "final_eval_episodes": 3}


def measure(env_id: str, seeds: int, scale: float, settings: Mapping[str, Any]) -> Entry:
    """Train one environment both ways; an entry of the results file."""
    entry: Entry = {"env_id": env_id, "scale": scale, "seeds": seeds}
    for clip in CLIPS:
        with step(f"{env_id}, rewards × {scale:g}, clip {clip}"):
            entry[clip] = _returns(env_id, seeds, scale, clip, settings)
    return entry | _difference(entry["shared"], entry["separate"])


def _returns(env_id: str, seeds: int, scale: float, clip: str, settings: Mapping[str, Any]) -> list[float]:
    """The final evaluations of all seeds, which are trained as one population."""
    from ppo_cli import train
    from ppo_cli.config.resolve import resolve_config
    from ppo_cli.learn import optimise

    calls = [0]
    plain = optimise.clip_grad_norm_

    def separate(grads: Any, norms: Any, max_norm: Any) -> Any:
        calls[0] += 1
        halves = grads.view(grads.shape[0], 2, -1)  # actor and critic, equal in size
        own = np.sqrt(2.0) ** -1 * max_norm[:, None]  # so that both together are as long as before, at most
        factors = (own / (halves.norm(dim=2) + 1e-6)).clamp_(max=1.0)
        halves.mul_(factors[..., None])
        return grads

    tuned = resolve_config(env=env_id).config.learning.reward_scale
    optimise.clip_grad_norm_ = separate if clip == "separate" else plain
    try:
        with tempfile.TemporaryDirectory(prefix="ppo-benchmark-") as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            own = {"reward_scale": tuned * scale, "engine": "torch", **settings}  # kernels clip by themselves
            runs = train(env_id, seeds=seeds, runs_dir=folder, **own)
    finally:
        optimise.clip_grad_norm_ = plain
    if clip == "separate" and not calls[0]:
        raise SystemExit("the clip was not replaced: gradients are clipped somewhere else by now")
    return [run["eval"]["mean"] if run["eval"] else float("nan") for run in runs]


def _difference(shared: list[float], separate: list[float]) -> Entry:
    """Separate minus shared, with Welch's interval over seeds."""
    from ppo_cli.comparison.significance import welch

    test = welch(separate, shared)
    known = not math.isnan(test.ci95[0])
    return {"difference": test.difference, "ci95": list(test.ci95) if known else None}


def text(entries: Mapping[str, Entry]) -> str:
    """The results as a Markdown table."""
    return table(HEADER, [_row(entry) for entry in entries.values()])


def _row(entry: Entry) -> list[str]:
    means = [number(float(np.mean(entry[clip])), 1) for clip in CLIPS]
    interval = "–" if entry["ci95"] is None else " to ".join(number(bound, 1) for bound in entry["ci95"])
    return [entry["env_id"], f"{entry['scale']:g}", *means, number(entry["difference"], 1), interval]


def main() -> None:
    """Measure what the options ask for, print the table of all entries."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--env", action="append", help="only this environment; repeatable")
    parser.add_argument("--seeds", type=int, default=10, help="runs per environment and clip")
    parser.add_argument("--scale", type=float, action="append", help="factor on rewards; repeatable")
    args = parser.parse_args()
    results = Results("gradient_clip", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        known = [env["env_id"] for env in run_json("-m", "ppo_cli", "envs", "--json")[1]["envs"]]
        seeds, settings = (2, QUICK) if args.quick else (args.seeds, {})
        for env_id in args.env or known:
            for scale in args.scale or [1.0]:
                began = time.perf_counter()
                entry = measure(env_id, seeds, scale, settings)
                entry["seconds"] = time.perf_counter() - began
                results.add(f"{env_id} {scale:g}", entry)
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
