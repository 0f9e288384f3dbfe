"""Values of settings that mean something of their own where any text could stand. No imports."""

INITIAL = "initial"
"""The ``reference`` that means the policy before training, rather than the path of a run."""

CONSTANT, RANDOM = "constant", "random"
NULLS = (CONSTANT, RANDOM)
"""What stands in the place of a reward model to show what training does without one."""
