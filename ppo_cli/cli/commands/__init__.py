"""A file per command: its options, and one call.

Here belongs what a user types. What it does does not: that is the Python API's.
"""
