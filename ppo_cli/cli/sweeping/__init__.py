"""What ``ppo sweep`` shows: progress, plan, results; and what ``ppo show`` shows of one.

Here belongs what turns a sweep into words on a terminal. What runs it does not.
"""
