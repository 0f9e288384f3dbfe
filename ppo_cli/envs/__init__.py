"""Environments: which there are, M * N of them at once, episodes that can be repeated, reward shaping.

Here belongs whatever touches Gymnasium or a user's environment, as NumPy arrays. How actions are chosen does
not, nor any torch.
"""
