"""Learned rewards: networks that score transitions, as functions of parameters and as files.

How they are fitted stands in ``preferences``; how training uses them, in ``learn``.
"""
