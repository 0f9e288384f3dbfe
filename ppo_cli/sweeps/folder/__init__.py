"""A sweep's folder: its layout, its ``sweep.yaml``, and which folder a sweep begins or goes on in.

Here belongs what is on disk for the sweep as a whole. What its runs came to does not: see ``results``.
"""
