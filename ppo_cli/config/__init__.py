"""Settings: what they are, and how a file or a command line becomes one checked ``RunConfig``.

Here belongs what is known before anything runs: names, types, ranges, defaults, facts of the algorithms,
YAML. What needs an environment, a network or a run folder does not: that is ``prepare``'s.
"""
