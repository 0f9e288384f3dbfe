"""What ``ppo train`` shows: its progress, its plan, its results and what to do next.

Here belongs what turns a training into words on a terminal. What trains does not.
"""
