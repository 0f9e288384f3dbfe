"""Comparing groups of runs: statistics of returns, one per seed, and verdicts in words. Pure, no torch.

Seeds are the unit of replication: a value is what one seed achieved, never one episode. Functions take plain
sequences of numbers; where a group is empty or too small for a question, or holds a value that is not finite,
the answer is NaN, and the verdict says why.
"""
