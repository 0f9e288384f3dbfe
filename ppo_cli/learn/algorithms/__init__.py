"""The algorithms, one file each, and from a name to the one that it means.

Here belongs what distinguishes one algorithm from another. What all share does not: see ``learn.agent``.
"""
