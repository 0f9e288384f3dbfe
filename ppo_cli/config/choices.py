"""Values of settings that mean something of their own where any text could stand. No imports."""

INITIAL = "initial"
"""``reference``: the policy at the beginning, not the path of a run."""
