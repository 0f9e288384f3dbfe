"""Which options of ``ppo render`` go together."""

from __future__ import annotations

from collections.abc import Mapping

from ppo_cli.errors import UsageError

_PICK_FROM = 20


def refuse_contradictions(given: Mapping[str, bool], *, runs: bool) -> None:
    """Refuse options that mean nothing, or the opposite, beside others.

    Args:
        given: Which options were given, by how they are typed.
        runs: Whether runs were named.

    Raises:
        UsageError: Options contradict each other.
    """
    if given["--best"] and given["--last"]:
        raise UsageError("--best and --last are two policies", hint="give one of them; --last is the default")
    if given["--progress"]:
        others = ("--best", "--last", "--random", "--pick", "--episodes")
        _refuse(given, others, "--progress shows an episode of each kept policy")
    if given["--random"] and not runs:
        _refuse(given, ("--best", "--last", "--stochastic"), "an untrained agent has no policy")
    if not given["--random"]:
        _refuse(given, ("--env",), "it is the environment of --random")


def num_played(episodes: int, pick: str | None, of: int | None) -> int:
    """Count the episodes to play so that some can be picked.

    Args:
        episodes: How many are shown.
        pick: Which ones; None for the first.
        of: From how many; None for the usual number.

    Raises:
        UsageError: They are not enough, or nothing is picked from them.
    """
    if of is not None and pick is None:
        raise UsageError("--of says how many to pick from", hint="add --pick best, median or worst")
    of = max(_PICK_FROM, episodes) if of is None else of
    if pick is not None and of < episodes:
        raise UsageError(f"--episodes {episodes} cannot be picked --of {of}", hint="play more: a larger --of")
    return of


def _refuse(given: Mapping[str, bool], options: tuple[str, ...], why: str) -> None:
    for option in options:
        if given[option]:
            raise UsageError(f"{option} cannot be given here: {why}", hint="see ppo render --help")
