"""Who trains the runs of a sweep: jobs, worker processes, and what is heard of them.

Here belongs everything between a list of runs and their folders. Which runs there are does not.
"""
