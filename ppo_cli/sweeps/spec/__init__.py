"""What a sweep studies: base settings, swept settings, points, seeds; read, checked, and made into runs.

Here belongs what is known of a sweep before any run exists. Where it is kept and who trains it does not.
"""
