"""The verbs of ``ppo`` as Python functions, each in a module; ``ppo_cli`` offers them, commands call them.

Here belongs what a verb does, from settings or names to documents. How it is typed and shown does not.
"""
