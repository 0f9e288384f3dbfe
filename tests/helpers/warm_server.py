"""What the process that forks warm processes imports, once, before the first of them.

Forked processes share all of this: garbage collection, which would copy it, does not look at it.
"""

from __future__ import annotations

import gc

import helpers.ppo_process
import ppo_cli.cli.training.progress
import ppo_cli.cli.training.results
import ppo_cli.learn.trainer
import ppo_cli.prepare.launch

__all__ = ["helpers", "ppo_cli"]

gc.collect()
gc.freeze()
