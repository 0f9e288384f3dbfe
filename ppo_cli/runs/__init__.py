"""A run folder: its names, files, checkpoints and logs, and how each is read back. No torch.

Here belongs what makes a folder of numbers a run that a stranger can open. How bytes reach the disk does not
(``storage``), nor what the numbers are worth (``comparison``).
"""
