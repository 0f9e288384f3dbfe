"""A file from a stranger is data: nothing in the package can turn it into code."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from helpers.import_graph import package_imports, sources

UNPICKLERS = {"pickle", "_pickle", "cloudpickle", "dill", "joblib", "jsonpickle", "marshal", "shelve"}
CODE_MAKERS = {"eval", "exec", "compile", "__import__"}
# Read as pickle, or can be told to: refused by any name their module goes by.
LOADERS = {
    "torch": {"load", "save", "jit", "package"},
    "numpy": {"load", "save", "savez", "fromfile"},
    "yaml": {
        "load",
        "load_all",
        "unsafe_load",
        "unsafe_load_all",
        "full_load",
        "full_load_all",
        "UnsafeLoader",
    },
    "os": {"system", "popen"},
}


def dangers(source: str) -> Iterator[str]:
    """What in ``source`` reads pickles or runs text as code, one line each."""
    tree = ast.parse(source)
    names = {library: library for library in LOADERS}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {
                alias.asname: alias.name for alias in node.names if alias.asname and alias.name in LOADERS
            }
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in CODE_MAKERS:
                yield f"line {node.lineno}: {name}()"
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                library = names.get(name, "")
                if attribute in LOADERS.get(library, ()):
                    yield f"line {node.lineno}: {library}.{attribute}"
            case ast.ImportFrom(module=str(library)):
                for alias in node.names:
                    if alias.name in LOADERS.get(library, ()):
                        yield f"line {node.lineno}: {library}.{alias.name}"
            case ast.keyword(arg="allow_pickle" | "shell", value=ast.Constant(value=True)):
                yield f"line {node.lineno}: {node.arg}=True"


def test_the_package_imports_no_unpickler() -> None:
    found = [
        f"{module}:{entry.line} imports {entry.target}"
        for module, imports in package_imports().items()
        for entry in imports
        if entry.target.split(".")[0] in UNPICKLERS
    ]
    assert found == []


def test_the_package_loads_nothing_that_can_carry_code() -> None:
    found = [
        f"{module} {danger}"
        for module, path in sources().items()
        for danger in dangers(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "eval('1')",
        "import torch\ntorch.load('policy.pt')",
        "import torch as t\nt.load('policy.pt')",
        "from torch import load",
        "import numpy as np\nnp.load('x.npy')",
        "import yaml\nyaml.load(text, Loader=yaml.SafeLoader)",
        "read(path, allow_pickle=True)",
        "import os\nos.system('ls')",
    ],
)
def test_the_search_finds_danger(source: str) -> None:
    assert list(dangers(source)) != []


def test_the_search_leaves_ordinary_code_alone() -> None:
    source = "import re, json\nmodel.eval()\nre.compile('x')\njson.load(file)\ndef eval(run): ..."
    assert list(dangers(source)) == []
