"""One session of a sweep: what is missing is trained, and whoever watches hears how far it is.

Here belongs the order of events from start to end. What each step does lies in the folders beside this one.
"""
