"""Networks of all members at once, and what is read off them: distributions, normalisation, Adam.

Here belongs arithmetic on ``[M, ...]`` tensors that knows neither settings nor rollouts. What a loss is
made of does not: that is ``learn``'s.
"""
