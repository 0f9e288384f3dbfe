"""From settings or folders to populations: what is asked, tried and made before anything trains.

Here belongs everything that can refuse a training before its first step. Training itself does not.
"""
