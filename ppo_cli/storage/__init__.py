"""Files that survive: written whole or not at all, locked, checked when they are read. No torch.

Here belongs how bytes of each format get to the disk and back. What they mean to a run or a sweep does not.
"""
