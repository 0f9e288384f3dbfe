"""What the runs of a sweep came to: read from their folders, summed up per point. No torch.

Here belongs reading and summing up. Verdicts about groups of runs do not: they are ``comparison``'s.
"""
