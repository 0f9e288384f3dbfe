"""Trained policies: as files, and at play.

Here belongs what is done with a policy once it exists, without learning. Films do not: see ``render``.
"""
