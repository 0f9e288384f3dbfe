"""Values of settings with a meaning of their own, where any text could stand; the last seed. No imports."""

MAX_SEED = 2**32 - 1
"""Of runs, sets and fits; the first is 0."""

INITIAL = "initial"
"""The ``reference`` that means the policy before training, rather than the path of a run."""

CONSTANT, RANDOM = "constant", "random"
NULLS = (CONSTANT, RANDOM)
"""What stands in the place of a reward model to show what training does without one."""
