"""Which reward teaches a lander to land? A worked example of reward design, in six commands.

LunarLander is trained with the environment's own reward, with a reward written from scratch in its place, and
with the same wishes as a potential on top of it; five seeds each. Then ``ppo compare`` says which is better
by the environment's own reward, ``ppo render`` shows one policy of each side by side on the same start, and
``ppo report`` writes a page. ``make shaping-study`` runs it in ``runs/``; pictures go to ``docs/pictures``,
that of the page only where there is a browser.
"""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common import (
    PICTURES,
    REPOSITORY,
    Entry,
    Results,
    arguments,
    kept_comparison,
    log,
    machine,
    number,
    picture,
    report,
    run_json,
    step,
    table,
)

ENV_ID, SEEDS = "LunarLander-v3", 5
TITLE = "Which reward teaches a lander to land?"
REWARDS = {
    "true": ("the environment's own", ()),
    "replace": ("written from scratch", ("--config", "configs/shaping/lunarlander-replace.yaml")),
    "potential": ("own, with a potential on top", ("--config", "configs/shaping/lunarlander-potential.yaml")),
}
"""Names of the runs, each with words for the table and options of ``ppo train``."""

QUICK = ("--total-timesteps", 20_000, "--set", "final_eval_episodes=2")


def commands(runs_dir: str = "runs", pictures: Path = PICTURES) -> list[list[str]]:
    """The words after ``ppo`` of every command, in order."""
    shown = [str(pictures / name) for name in ("shaping-study", "shaping-study.gif")]
    trained = [
        ["train", "--env", ENV_ID, *options, "--seeds", str(SEEDS), "--name", name]
        for name, (_, options) in REWARDS.items()
    ]
    after = [
        ["compare", *REWARDS, "--plot", shown[0], "--force"],
        ["render", *(f"{name}-s1" for name in REWARDS), "--pick", "median", "--output", shown[1], "--force"],
        [
            "report",
            *REWARDS,
            "--title",
            TITLE,
            "--gif",
            shown[1],
            "--output",
            f"{runs_dir}/shaping-study.html",
            "--force",
        ],
    ]
    return [*trained, *after]


def measure(runs_dir: Path, *, quick: bool) -> Entry:
    """Run the commands; an entry of the results file."""
    seconds: dict[str, float] = {}
    compared: dict[str, Any] = {}
    for words in commands(
        str(runs_dir), Path(tempfile.mkdtemp(prefix="ppo-benchmark-")) if quick else PICTURES
    ):
        more = (*(QUICK if quick else ()), "--quiet") if words[0] == "train" else ()
        name = words[-1] if words[0] == "train" else words[0]
        if words[0] == "train" and (runs_dir / f"{name}-s{SEEDS}" / "summary.json").exists():
            continue  # --runs-dir names a folder in which they were trained before
        with step(f"ppo {words[0]} {name}"):
            seconds[name], document = run_json(
                "-m", "ppo_cli", *words, *more, "--runs-dir", runs_dir, "--json"
            )
        if words[0] == "compare":
            compared = document
        if words[0] == "report" and not quick:
            photograph(REPOSITORY / document["path"], PICTURES / "report.png")
    kept = kept_comparison(compared, "verdict", "comparisons", "config_diff", "warnings")
    return {"env_id": ENV_ID, "seeds": SEEDS, "seconds": seconds, "compared": kept}


def photograph(page: Path, picture: Path) -> None:
    """The top of a page as a browser shows it."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    browser_path = next((path for name in names if (path := shutil.which(name))), None)
    if browser_path is None:
        log(f"no browser: {picture} stays as it is")
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1080, "height": 1240})
        tab.goto(page.as_uri())
        tab.wait_for_timeout(2000)  # until the charts are drawn
        tab.screenshot(path=picture)
        browser.close()


def text(entries: Mapping[str, Entry]) -> str:
    """The study: picture, words, table, film, commands."""
    if "study" not in entries:
        return ""
    entry = entries["study"]
    document = entry["compared"]
    rows = [_row(group) for group in document["groups"]]
    header = ("Reward", "", "Seeds", "Mean return", "95 % interval", "IQM", "Steps to 200", "Each seed")
    parts = [
        picture("shaping-study.png", "Learning curves and final returns of the three rewards"),
        f"> {document['verdict']}",
        table(header, rows),
        picture("shaping-study.gif", "One policy of each, the same start"),
        "\n".join(f"    ppo {_shown(words)}" for words in commands(pictures=Path("docs", "pictures"))),
    ]
    return "\n\n".join(parts)


def _row(group: Mapping[str, Any]) -> list[str]:
    low, high = group["ci95"]
    steps = group["steps_to_threshold"]
    return [
        f"`{group['name']}`",
        REWARDS[group["name"]][0],
        number(group["n_seeds"]),
        number(group["mean"], 1),
        f"{number(low, 1)} to {number(high, 1)}",
        number(group["iqm"], 1),
        number(steps) if steps is not None else "never",
        ", ".join(number(value, 1) for value in group["values"]),
    ]


def _shown(words: list[str]) -> str:
    return shlex.join(word for word in words if word != "--force")


def main() -> None:
    """Run the study and print what it shows."""
    parser = arguments(__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs-dir", type=Path, help="keep the runs there, and go on with what is there")
    args = parser.parse_args()
    results = Results("shaping_study", quick=args.quick)
    if not args.show:
        machine()  # before there is load of our own
        with tempfile.TemporaryDirectory(prefix="ppo-benchmark-") as scratch:
            results.add("study", measure(args.runs_dir or Path(scratch), quick=args.quick))
    report(text(results.entries), results.entries)


if __name__ == "__main__":
    main()
