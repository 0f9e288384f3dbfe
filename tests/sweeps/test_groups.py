"""Who imports whom within sweeps: the folders lie on each other, and nothing goes round in a circle."""

from __future__ import annotations

from helpers.import_graph import package_imports

# From the top down: a folder may import those below it.
GROUPS = ("running", "plan", "choose", "results", "folder", "work", "spec")
DEPTH = {group: depth for depth, group in enumerate(GROUPS)}
SWEEP = "ppo_cli.sweep."


def group_of(module: str) -> str:
    return module.removeprefix(SWEEP).split(".")[0]


def imports_within() -> list[tuple[str, str]]:
    return [
        (module, each.target)
        for module, imports in package_imports().items()
        for each in imports
        if module.startswith(SWEEP) and each.target.startswith(SWEEP)
    ]


def test_folders_import_only_those_below_them() -> None:
    upward = [
        f"{module} imports {target}"
        for module, target in imports_within()
        if group_of(module) != group_of(target) and DEPTH[group_of(module)] >= DEPTH[group_of(target)]
    ]
    assert upward == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    targets: dict[str, set[str]] = {}
    for module, target in imports_within():
        targets.setdefault(module, set()).add(target)
    while leaves := {module for module in targets if not targets[module] & targets.keys()}:
        targets = {module: own for module, own in targets.items() if module not in leaves}
    assert targets == {}, "these import each other"
