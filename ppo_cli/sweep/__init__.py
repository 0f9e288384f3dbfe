"""Sweeps: what a setting does to the return, over several seeds of each of its values.

The story: texts or a file say which values to compare (``params``, ``sweep_file``, ``make_spec``), and make a
``SweepSpec``. It gives points, one value of each swept setting, and each point is trained with several seeds.
A run is a point and a seed, in an ordinary run folder inside the sweep's. Runs that share a program become
jobs, an executor carries the jobs out, and the folders alone say what is done and what is missing, so the
same command goes on where the last one stopped. ``results`` reads the folders back.
"""
