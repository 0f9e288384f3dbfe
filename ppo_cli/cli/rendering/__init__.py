"""What the words of ``ppo render`` mean: who plays, where the film goes, and what is said of it.

Here belongs what depends on how the command is typed. Scenes and films do not.
"""
