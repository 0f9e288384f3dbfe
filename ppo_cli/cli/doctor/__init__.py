"""The checks of ``ppo doctor``, one function each, and the processes in which they try things.

Here belongs what is asked of an installation. How the answers are shown does not.
"""
