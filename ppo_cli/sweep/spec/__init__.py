"""What a sweep studies: base settings, swept settings, points, seeds; read, checked, written back.

Here belongs what is known of a sweep before any of its runs exists. Who trains them does not.
"""
