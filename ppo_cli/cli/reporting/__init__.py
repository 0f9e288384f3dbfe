"""What the words of ``ppo report`` mean: what the page is about, where it goes, and what is said of it.

Here belongs what depends on how the command is typed. The page itself does not.
"""
