"""Reads the imports of the package from its source, without importing it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "ppo_cli"


@dataclass(frozen=True)
class Import:
    """One imported module, as written in one place."""

    target: str  # "ppo_cli.envs.registry", "torch.nn"
    line: int
    at_import: bool  # runs when the module is imported: not inside a function, not under TYPE_CHECKING


@cache
def sources() -> dict[str, Path]:
    """Module name to file, for every module of the package."""
    files = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(REPOSITORY).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


@cache
def package_imports() -> dict[str, tuple[Import, ...]]:
    """Module name to what it imports."""
    return {
        module: tuple(imports_of(path.read_text(encoding="utf-8"), frozenset(sources())))
        for module, path in sources().items()
    }


def imports_of(source: str, modules: frozenset[str]) -> Iterator[Import]:
    """The imports in ``source``; ``from package import name`` counts as ``package.name`` if a module."""

    def visit(node: ast.AST, at_import: bool) -> Iterator[Import]:
        match node:
            case ast.Import():
                for alias in node.names:
                    yield Import(alias.name, node.lineno, at_import)
            case ast.ImportFrom():
                assert node.level == 0, f"line {node.lineno}: imports are absolute here"
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    yield Import(inner if inner in modules else str(node.module), node.lineno, at_import)
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                for child in node.body:
                    yield from visit(child, False)
                for child in node.orelse:
                    yield from visit(child, at_import)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                for child in ast.iter_child_nodes(node):
                    yield from visit(child, False)
            case _:
                for child in ast.iter_child_nodes(node):
                    yield from visit(child, at_import)

    yield from visit(ast.parse(source), True)


def room(module: str) -> str:
    """The part of the package a module belongs to: ``envs`` for ``ppo_cli.envs.registry``."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def loaded_by(module: str) -> dict[str, str]:
    """What ``import module`` loads, to who asked for it: our modules, and libraries by their first name."""
    loaded: dict[str, str] = {}
    waiting = [(module, "the caller")]
    while waiting:
        name, importer = waiting.pop()
        ours = name in sources()
        key = name if ours else name.split(".")[0]
        if key in loaded:
            continue
        loaded[key] = importer
        if ours:
            waiting += [(parent, name) for parent in parents(name)]
            waiting += [(found.target, name) for found in package_imports()[name] if found.at_import]
    return loaded


def parents(module: str) -> list[str]:
    """The packages that Python imports before ``module``."""
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]
