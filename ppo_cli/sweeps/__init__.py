"""Sweeps: what a setting does to the return, over several seeds of each of its values.

The story, a folder for each step:

* ``spec``: options and files say which values of which settings to study, and make a ``SweepSpec``. It gives
  points, one value of each swept setting. A run is a point and a seed.
* ``folder``: a sweep is kept in a folder of its own, an ordinary run folder inside for each run. The same
  words again lead to the same folder, and the folder alone says what is done and what is missing.
* ``plan``: what is missing is cut into populations, runs that share a program. Processor cores and memory are
  dealt out to them, and a short measurement says how long they will take.
* ``work``: a population to train is a job. An executor hands jobs to workers, on this machine or on Ray.
* ``choose``: a search asks for new points by what the others came to; pruning stops the worse half early.
* ``running``: one session from its start to its end, and how far it is.
* ``results``: what the runs came to, read from their folders and summed up.
"""
