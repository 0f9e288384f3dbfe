"""Import paths for worker processes: a fresh interpreter shall find what this one imports."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def module_path() -> str:
    """``PYTHONPATH`` for a worker: where this process looks, except in the working directory.

    A ``json.py`` that lies there would be taken for Python's own. (``-P`` leaves it out too.)
    """
    package = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join([*(path for path in sys.path if path), package])
