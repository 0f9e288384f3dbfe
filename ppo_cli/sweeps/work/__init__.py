"""Who trains the runs of a sweep: jobs, executors that hand them to workers, and the events heard of them.

Here belongs everything between a list of populations and their folders. Which runs there are does not.
"""
