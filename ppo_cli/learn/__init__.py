"""The learner: collect, judge, improve, log, for all members of a population at once.

Here belongs what an iteration of training does, each algorithm as its formula, and the state that it changes.
How settings become a population does not (``prepare``), nor how a folder is laid out (``runs``).
"""
