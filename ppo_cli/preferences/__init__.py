"""Preference sets: clips of episodes, who is asked which is better, and reward models fitted to the answers.

Nothing here trains a policy. How a learned reward is used in training stands in ``learn`` and ``rewards``.
"""
