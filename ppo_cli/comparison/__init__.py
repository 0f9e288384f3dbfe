"""Comparing groups of runs: statistics over seeds, tests of differences, verdicts in words. No torch.

Here belongs what groups are worth against each other; seeds are the unit of replication, so a value is what
one seed achieved, never one episode. How a comparison is shown does not (``report``, ``html``), nor how a
run's files are laid out (``runs``).
"""
