"""What every command needs of a terminal: shared options, signals, errors, JSON on stdout.

Here belongs what does not depend on the command.
"""
