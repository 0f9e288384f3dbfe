"""Jobs on this machine: ``executor`` deals them, ``process`` is a worker from outside, ``worker`` its inside.

Here belongs what depends on processes, pipes and signals. What a worker does with a job does not.
"""
